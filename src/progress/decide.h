// The decision: what an event changes, as a pure function of the run's state. Every rule of a run's progress is here.
#pragma once

#include "model/commit.h"
#include "progress/run_state.h"

#include <squid_mesh/error.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace squid_mesh {

namespace event {

/// A worker got the run's job. An `attempt` above 1 means that an earlier worker had it, lost it, and nobody wrote
/// that into the journal: every clean release takes its delivery back, and our rescuer journals the loss.
struct delivered {
  int attempt = 1;
  time_point since{};  ///< when the job was fetched
};
/// One attempt of a step in this process. Its result is stale once the journal knows more about the step.
struct attempt {
  std::size_t step = 0;
  int number = 1;  ///< `step_progress::attempts` when it began, plus 1
  time_point started_at{};
};
/// The step's action returned.
struct succeeded {
  attempt of;
  json output;
};
/// The step's action failed, or could not begin.
struct failed {
  attempt of;
  error reason;
};
/// The step's action was stopped because its process shuts down.
struct interrupted {
  attempt of;
};
/// This process knows no handler for the step.
struct no_handler {
  attempt of;
};
/// The process that had the run's job died.
struct worker_died {
  std::string node;
  time_point since{};  ///< when that process fetched the job
};

}  // namespace event

using run_event = std::variant<event::delivered, event::succeeded, event::failed, event::interrupted, event::no_handler,
                               event::worker_died>;

/// What `decide` may know of the world.
struct moment {
  time_point now{};
  std::string node;       ///< of the process in which the event happened
  double chance = 0;      ///< in [0, 1): the random part of a backoff
  bool draining = false;  ///< the process shuts down: begin nothing new
};

/// What the event changes, and what the worker does next.
struct decision {
  std::vector<fact> facts;
  std::optional<status_change> status;
  job_change job;
  /// The step to run once the facts are durable. Unset: the worker is done with this job.
  std::optional<std::size_t> run_next;
  /// The event is late, doubled or impossible in this state: it changes nothing, and says nothing about the job.
  bool stale = false;
};

decision decide(const run_state& state, const run_event& what, const moment& when);

}  // namespace squid_mesh
