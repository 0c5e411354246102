// squid_mesh/explanation.hpp - why a run is where it is, and what a person can do about it.
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/ids.hpp>
#include <squid_mesh/run.hpp>

#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// Why a run is where it is. The names are for programs, so they never change.
enum class run_reason {
  waiting_for_approval,    ///< An approval gate is open.
  paused,                  ///< A pause is open.
  compensation_failed,     ///< What makes good what a step did has failed for good; somebody has to say what now.
  parked_without_handler,  ///< The process that last had the run has no handler for its step.
  cancelling,              ///< It is being cancelled; what still runs has yet to end.
  deadline_passed,         ///< Its deadline has passed: it fails, or has failed.
  failing,                 ///< A step has failed; what runs beside it has yet to end.
  waiting_for_retry,       ///< An attempt has failed, and the next one is due later.
  waiting_for_child,       ///< It waits for the end of a run that it has started.
  waiting_for_event,       ///< It waits for `mesh::signal_run`.
  waiting_for_time,        ///< A wait isn't over.
  job_missing,             ///< Somebody has removed its job; a worker gives it a new one.
  running_step,            ///< A worker is at it.
  running_elements,        ///< A step goes through a list.
  waiting_for_worker,      ///< Its job is due, and nobody has fetched it.
  waiting_to_start,        ///< It was started for a later time.
  waiting_for_siblings,    ///< Of branches alone: a step waits for others beside those that have completed.
  completed,
  failed,
  cancelled,
  imported,  ///< It had not ended when it was exported elsewhere. It was imported to be looked at: nothing works on it.
};
std::string_view to_string(run_reason reason);

/// What somebody can do.
enum class run_action {
  approve,
  reject,
  unblock,
  retry_compensation,
  skip_compensation,
  mark_compensated,
  signal,
  explain_child,
  add_handler,
  work,
  retry,
  replay,
  wait,
  cancel,
};
std::string_view to_string(run_action action);

/// One thing that somebody can do about a run, in several forms. Words in capitals are to be replaced.
struct next_action {
  run_action action = run_action::wait;
  std::string description;  ///< a sentence
  std::string call;         ///< of the C++ API: `mesh.cancel_run(RUN, {.actor = NAME})`
  std::string command;      ///< of the command line; empty where there is none
};

/// Where a run has several branches, the one that most needs a person is explained. Secrets are masked.
struct explanation {
  run_id run;
  std::string workflow;
  run_status status = run_status::pending;
  run_reason reason = run_reason::waiting_for_worker;
  std::string summary;  ///< one sentence
  std::vector<next_action> next_actions;
  /// An object with what the summary says, for programs, as far as it applies. Of the branch that is explained: `step`,
  /// `kind`, `reason`, `since`, `until`, `attempt` (the one that is due or running) and `max_attempts`, `node`,
  /// `error` (the last one), `event`, `approvals` (who), `quorum`, `on_expiry`, `waits_for` (steps), `child` (`run`,
  /// `workflow`, `status`), `elements`, `job` (`id`, `state`, `queue`, `scheduled_at`). `branches` has the same of
  /// every branch, the explained one first. Of the run: `parent` (`run`, `step`, `key`), `deadline`, `compensating` (if
  /// so, steps: what is still to be made good), `pending_events`, `by` and `because` (of a cancellation),
  /// `failed_step`, `ended_at`, `imported_at`.
  json evidence;
};

json to_json(const next_action& action);
json to_json(const explanation& why);

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
