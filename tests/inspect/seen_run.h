// A run without a store, moved by decisions, and looked at with the jobs that it would have.
#pragma once

#include "inspect/view.h"
#include "model/run_job.h"
#include "progress/decide.h"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace squid_mesh::testing {

inline constexpr time_point start_of_time{std::chrono::seconds(1'800'000'000)};  // 2027-01-15 08:00:00 UTC

inline std::shared_ptr<const definition> read_definition(std::string_view text) {
  auto read = definition::from_json(json::parse(text));
  if (!read) throw std::invalid_argument(to_string(read.error()));
  return std::make_shared<const definition>(*std::move(read));
}

class seen_run {
 public:
  explicit seen_run(std::string_view workflow, run_record how = {.payload = "{}"}) : now(start_of_time) {
    request.definition = read_definition(workflow);
    run_record& run = request.history.run = std::move(how);
    run.id = run_id::parse("01900000-0000-7000-8000-000000000001").value();
    run.workflow = request.definition->name();
    run.trigger = request.definition->triggers()[0].name;
    run.queue = "squid_mesh";
    run.started_at = now;
    request.options.include_history = true;
    state_ = begin(request.definition, run).value();
  }

  template <class Event>
  decision on(Event what) {
    using any_event = std::conditional_t<std::is_convertible_v<Event, worker_event>, worker_event, command_event>;
    decision made = decide(state_, any_event(std::move(what)), {.now = now, .node = "n1", .chance = 0, .queue = {}});
    if (made.stale || made.refusal) throw std::logic_error("refused: " + (made.refusal ? made.refusal->message : ""));
    request.history.facts.insert(request.history.facts.end(), made.facts.begin(), made.facts.end());
    run_record& run = request.history.run;
    run.shown_status = run.status = state_.stored_status = state_.status();
    run.ended_at = state_.ended ? std::optional(now) : std::nullopt;
    return made;
  }

  void deliver(std::string_view step) { on(event::delivered{.branch = branch_at(step), .attempt = 1, .since = now}); }
  void succeed(std::string_view step, json output = json::object()) {
    on(event::succeeded{attempt(step), std::move(output)});
  }
  void fail(std::string_view step, error reason) { on(event::failed{attempt(step), std::move(reason)}); }
  void approve(std::string actor) { on(event::approved{.by = {.actor = std::move(actor)}, .step = {}}); }
  void cancel(std::string actor, std::string reason, const std::vector<std::string_view>& idle = {}) {
    event::cancelled what{.by = {.actor = std::move(actor), .reason = std::move(reason)}, .idle = {}};
    for (const std::string_view step : idle) what.idle.push_back(branch_at(step));
    on(what);
  }

  /// The job of the branch on which a step is.
  job_row& job(std::string_view step, jobs::state state, time_point scheduled_at = start_of_time) {
    const job_insert form = run_job(driven(state_, branch_at(step)), "squid_mesh");
    const auto number = static_cast<std::int64_t>(request.jobs.size()) + 1;
    request.jobs.push_back({.id = {number},
                            .state = state,
                            .queue = form.queue,
                            .worker = form.worker,
                            .args = form.args,
                            .attempted_by = state == jobs::state::executing ? R"(["n1","uuid"])" : "[]",
                            .scheduled_at = scheduled_at});
    if (state == jobs::state::executing) request.jobs.back().attempted_at = now;
    return request.jobs.back();
  }

  [[nodiscard]] event::attempt attempt(std::string_view step) const {
    const std::size_t index = index_of(step);
    return {.step = index, .number = state_.steps[index].attempts + 1, .started_at = now};
  }
  [[nodiscard]] std::size_t index_of(std::string_view step) const {
    return request.definition->find_step(step).value();
  }
  [[nodiscard]] std::size_t branch_at(std::string_view step) const { return state_.steps[index_of(step)].branch; }

  [[nodiscard]] run_view view() const { return view_run(request).value(); }
  [[nodiscard]] step_view step(std::string_view name) const { return view().steps.at(index_of(name)); }

  view_request request;
  time_point now;

 private:
  run_state state_;
};

}  // namespace squid_mesh::testing
