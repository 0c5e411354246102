// A run without a store: its journal, the incrementally applied state, and the decisions that move it.
#pragma once

#include "progress/decide.h"

#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace squid_mesh::testing {

inline constexpr time_point start_of_time{std::chrono::seconds(1'800'000'000)};

inline std::shared_ptr<const definition> read_definition(const json& document) {
  auto read = definition::from_json(document);
  if (!read) throw std::invalid_argument(to_string(read.error()));
  return std::make_shared<const definition>(*std::move(read));
}

class driven_run {
 public:
  explicit driven_run(std::shared_ptr<const definition> workflow, std::string payload = "{}") {
    history.run = {.workflow = workflow->name(), .payload = std::move(payload), .started_at = now};
    state = begin(std::move(workflow), history.run).value();
  }

  [[nodiscard]] moment present() const { return {.now = now, .node = "n1", .chance = chance, .draining = draining}; }

  [[nodiscard]] decision consider(const run_event& what) const { return decide(state, what, present()); }

  /// Decides, and applies what was decided as a worker does once it is durable.
  decision on(const run_event& what) {
    decision made = consider(what);
    for (const fact& next : made.facts) {
      if (auto applied = apply(state, next); !applied) throw std::logic_error(to_string(applied.error()));
      history.facts.push_back(next);
    }
    if (made.status) {
      history.run.status = state.stored_status = made.status->status;
      history.run.ended_at = made.status->ended_at;
    }
    return made;
  }

  [[nodiscard]] std::string_view current() const {
    return state.current ? std::string_view(state.definition->steps()[*state.current].name) : "";
  }

  /// The attempt that a worker would begin now.
  [[nodiscard]] event::attempt attempt() const {
    const std::size_t step = state.current.value();
    return {.step = step, .number = state.steps[step].attempts + 1, .started_at = now};
  }

  decision deliver(int attempt = 1) { return on(event::delivered{.attempt = attempt, .since = now}); }
  decision succeed(json output = json::object()) { return on(event::succeeded{attempt(), std::move(output)}); }
  decision fail(error reason) { return on(event::failed{attempt(), std::move(reason)}); }
  decision interrupt() { return on(event::interrupted{attempt()}); }
  decision park() { return on(event::no_handler{attempt()}); }
  decision die() { return on(event::worker_died{.node = "dead", .since = now}); }

  journal history;
  run_state state;
  time_point now = start_of_time;
  double chance = 0;
  bool draining = false;
};

}  // namespace squid_mesh::testing
