#include "inspect/view.h"

#include "inspect/history.h"
#include "inspect/told_run.h"
#include "model/run_origin.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

attempt_status status_of(const fact& f, const json& data) {
  switch (f.kind) {
    case fact_kind::attempt_lost:
      return attempt_status::lost;
    case fact_kind::attempt_interrupted:
      return attempt_status::interrupted;
    case fact_kind::attempt_discarded:
      return attempt_status::cancelled;
    case fact_kind::step_failed: {
      const json code = member(data, "error").value_or(json::object()).value("code", json());
      return code == to_string(errc::timeout) ? attempt_status::timed_out : attempt_status::failed;
    }
    default:
      return attempt_status::completed;
  }
}

/// Builds one view from one run.
class viewer {
 public:
  viewer(const view_request& request, const told_run& told)
      : request_(request), told_(told), run_(told.run), attempts_(told.steps.size()) {}

  run_view operator()() {
    run_view view;
    static_cast<run_summary&>(view) = summarise(run_);
    add_start(view);
    view.context = told_.mask.fields(told_.state.context);
    if (told_.state.error) view.error = told_.mask(*told_.state.error);
    for (const auto& [name, waiting] : told_.state.events) {
      view.pending_events.push_back({.name = told_.mask(name), .count = waiting.size()});
    }
    for (const fact& f : request_.history.facts) add_attempt(view, f);
    for (std::size_t i = 0; i < told_.steps.size(); ++i) add_step(view, i);
    if (view.current_steps.size() == 1) view.current_step = view.current_steps.front();
    if (request_.options.include_history) {
      view.history = history_of(told_, request_.history.facts);
    } else {
      view.attempts.clear();
    }
    return view;
  }

 private:
  void add_start(run_view& view) const {
    view.definition = run_.definition;
    view.queue = run_.queue;
    view.priority = run_.priority;
    view.deadline = run_.deadline;
    view.start_key = told_.mask(run_.start_key);
    view.payload = told_.mask.fields(told_.mask.payload());
    const auto replayed = member(origin_of(run_), "replay_of");
    if (replayed && replayed->is_string()) view.replay_of = run_id::parse(replayed->get_ref<const std::string&>());
    if (auto parent = parent_of(run_)) {
      view.parent = {.run = parent->run, .step = std::move(parent->step), .key = std::move(parent->key)};
    }
    for (const run_record& child : request_.children) {
      const auto link = parent_of(child);
      child_view& seen = view.children.emplace_back();
      static_cast<run_summary&>(seen) = summarise(child);
      if (link) seen.step = link->step;
      if (link) seen.key = told_.mask(link->key);
    }
  }

  static std::optional<std::size_t> index_in(const json& data) {
    const auto index = member(data, "index");
    return index && index->is_number_unsigned() ? std::optional(index->get<std::size_t>()) : std::nullopt;
  }

  /// Puts it on the run's list and on its step's.
  void add(run_view& view, std::size_t step, attempt_view attempt) {
    attempt.number =
        attempt.element ? ++element_attempts_[{step, *attempt.element}] : static_cast<int>(attempts_[step].size()) + 1;
    attempts_[step].push_back(attempt);
    view.attempts.push_back(std::move(attempt));
  }

  void add_attempt(run_view& view, const fact& f) {
    const auto step = request_.definition->find_step(f.step);
    if (!step || !f.started_at) return;
    json data = f.kind == fact_kind::step_completed ? json() : data_of(f);
    if (f.kind == fact_kind::element_completed) data.erase("output");
    auto reason = member(data, "error");
    auto output = member(data, "output");
    if (output && output->is_null()) output.reset();
    add(view, *step,
        {.step = f.step,
         .status = status_of(f, data),
         .started_at = *f.started_at,
         .ended_at = f.at,
         .node = f.node,
         .error = reason ? std::optional(told_.mask(*std::move(reason))) : std::nullopt,
         .retry_at = instant(data, "retry_at"),
         .element = index_in(data),
         .output = output ? std::optional(told_.mask(*std::move(output))) : std::nullopt});
  }

  void add_step(run_view& view, std::size_t i) {
    const definition::step& declared = told_.declared(i);
    if (told_.state.is_compensation(i) && told_.state.steps[i].visits == 0) return;
    if (told_.state.is_active(i)) view.current_steps.push_back(declared.name);
    if (auto running = told_.running(i)) add_running(view, i, *std::move(running), std::nullopt);
    if (const auto& list = told_.state.steps[i].elements; list && told_.state.is_active(i)) {
      for (std::size_t lane = 0; lane < list->lane_count(); ++lane) {
        auto running = told_.running_lane(i, lane);
        if (running) add_running(view, i, *std::move(running), list->due(lane, time_point::max()));
      }
    }
    view.steps.push_back(show_step(i));
  }

  void add_running(run_view& view, std::size_t step, running_attempt running, std::optional<std::size_t> element) {
    add(view, step,
        {.step = told_.declared(step).name,
         .status = attempt_status::running,
         .started_at = running.since,
         .ended_at = std::nullopt,
         .node = std::move(running.node),
         .error = std::nullopt,
         .retry_at = std::nullopt,
         .element = element,
         .output = std::nullopt});
  }

  step_view show_step(std::size_t i) {
    const told_step& told = told_.steps[i];
    const step_status status = told_.status_of(i);
    const auto& list = told_.state.steps[i].elements;
    const bool waits = status == step_status::waiting || status == step_status::retrying || told_.state.steps[i].opened;
    return {.name = told_.declared(i).name,
            .kind = std::string(kind_of(*request_.definition, i)),
            .status = status,
            .visits = told_.state.steps[i].visits,
            .input = told_.input_of(i),
            .output = told.output ? std::optional(told_.mask(*told.output)) : std::nullopt,
            .error = told.error ? std::optional(told_.mask(*told.error)) : std::nullopt,
            .until = waits ? told_.state.steps[i].until : std::nullopt,
            .child = told_.state.steps[i].child,
            .elements = list ? std::optional(view_of(*list)) : std::nullopt,
            .attempts = std::move(attempts_[i])};
  }

  const view_request& request_;
  const told_run& told_;
  const run_record& run_;
  std::vector<std::vector<attempt_view>> attempts_;                      ///< by step
  std::map<std::pair<std::size_t, std::size_t>, int> element_attempts_;  ///< how many, by step and element
};

}  // namespace

run_summary summarise(const run_record& run) {
  return {.id = run.id,
          .workflow = run.workflow,
          .trigger = run.trigger,
          .status = run.shown_status,
          .started_at = run.started_at,
          .ended_at = run.ended_at,
          .imported_at = run.imported_at};
}

result<run_view> view_run(const view_request& request) {
  const auto told = tell(request);
  if (!told) return std::unexpected(told.error());
  return viewer(request, *told)();
}

}  // namespace squid_mesh::inline v1
