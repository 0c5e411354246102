// A run without a store: its journal, its state, and the decisions that move it.
#pragma once

#include "progress/decide.h"
#include "progress/snapshot.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace squid_mesh::testing {

inline constexpr time_point start_of_time{std::chrono::seconds(1'800'000'000)};

inline std::shared_ptr<const definition> read_definition(const json& document) {
  auto read = definition::from_json(document);
  if (!read) throw std::invalid_argument(to_string(read.error()));
  return std::make_shared<const definition>(*std::move(read));
}

/// A workflow called `t` that starts by hand.
inline std::shared_ptr<const definition> read_workflow(const char* steps, const char* transitions = "[]") {
  return read_definition({{"name", "t"},
                          {"triggers", {{{"name", "m"}}}},
                          {"steps", json::parse(steps)},
                          {"transitions", json::parse(transitions)}});
}

class driven_run {
 public:
  explicit driven_run(std::shared_ptr<const definition> workflow, std::string payload = "{}") {
    history.run = {.workflow = workflow->name(), .payload = std::move(payload), .started_at = now};
    state = begin(std::move(workflow), history.run).value();
  }

  [[nodiscard]] moment present() const {
    return {.now = now, .node = "n1", .chance = chance, .draining = draining, .queue = queue};
  }

  /// What would be decided.
  template <class Event>
  [[nodiscard]] decision consider(const Event& what) const {
    run_state copy = state;
    return decide(copy, what, present());
  }

  /// Decides, and writes what was decided. Then goes on from a snapshot: what tests find of the state is what that
  /// holds.
  template <class Event>
  decision on(const Event& what) {
    decision made = decide(state, what, present());
    history.facts.insert(history.facts.end(), made.facts.begin(), made.facts.end());
    if (made.status) {
      history.run.status = made.status->status;
      history.run.ended_at = made.status->ended_at;
    }
    state = restore(state.definition, history.run, take_snapshot(state)).value();
    return made;
  }

  [[nodiscard]] const std::string& name_of(std::size_t step) const { return state.definition->steps()[step].name; }
  [[nodiscard]] std::vector<std::string> names_of(const std::vector<std::size_t>& steps) const {
    std::vector<std::string> names;
    names.reserve(steps.size());
    for (const std::size_t step : steps) names.push_back(name_of(step));
    return names;
  }
  [[nodiscard]] std::size_t index_of(std::string_view step) const {
    return step.empty() ? state.definition->entries().front() : state.definition->find_step(step).value();
  }
  [[nodiscard]] const step_progress& progress_of(std::string_view step) const { return state.steps[index_of(step)]; }
  [[nodiscard]] const definition::step& declared(std::string_view step) const {
    return state.definition->steps()[index_of(step)];
  }
  [[nodiscard]] bool is_active(std::string_view step) const { return state.is_active(index_of(step)); }
  /// The step where a branch is; empty where it has ended. Without a name: the only branch.
  [[nodiscard]] std::string current(std::string_view branch = {}) const {
    const auto step = state.at(index_of(branch));
    return step ? name_of(*step) : "";
  }

  /// The attempt that a worker would begin now, at the only branch's step or at the one of the name.
  [[nodiscard]] event::attempt attempt(std::string_view step = {}) const {
    const std::size_t index = step.empty() ? state.at(index_of({})).value() : index_of(step);
    return {.step = index, .number = state.steps[index].attempts + 1, .started_at = now};
  }

  decision deliver(int attempt = 1) { return deliver_to({}, attempt); }
  decision deliver_to(std::string_view branch, int attempt = 1) {
    return on(event::delivered{.branch = index_of(branch), .attempt = attempt, .since = now});
  }
  decision succeed(json output = json::object()) { return on(event::succeeded{attempt(), std::move(output)}); }
  decision succeed_at(std::string_view step, json output = json::object()) {
    return on(event::succeeded{attempt(step), std::move(output)});
  }
  decision fail(error reason) { return on(event::failed{attempt(), std::move(reason)}); }
  decision fail_at(std::string_view step, error reason) { return on(event::failed{attempt(step), std::move(reason)}); }
  decision interrupt() { return on(event::interrupted{attempt()}); }
  decision park() { return on(event::no_handler{attempt()}); }
  decision die(std::string_view branch = {}) {
    return on(event::worker_died{.branch = index_of(branch), .node = "dead", .since = now});
  }

  journal history;
  run_state state;
  time_point now = start_of_time;
  double chance = 0;
  bool draining = false;
  std::string queue;  ///< of the job that workers hold
};

using texts = std::vector<std::string>;

/// Each fact as `kind step`, or `kind` where it names no step.
inline texts facts_of(const decision& made) {
  texts names;
  for (const fact& next : made.facts) {
    names.push_back(std::string(to_string(next.kind)) + (next.step.empty() ? "" : " ") + next.step);
  }
  return names;
}

/// The step that the worker runs next; empty where it runs none.
inline std::string next_of(const driven_run& run, const decision& made) {
  if (!made.run_next) return "";
  const auto& element = made.run_next->element;
  return run.name_of(made.run_next->step) + (element ? "#" + std::to_string(*element) : "");
}

/// The kind of a command's refusal; empty where it was not refused.
inline std::string refusal_of(const decision& made) { return made.refusal ? made.refusal->kind : ""; }

}  // namespace squid_mesh::testing
