// The decision: what an event changes, as a pure function of the run's state. Every rule of a run's progress is here.
#pragma once

#include "model/commit.h"
#include "progress/migration.h"
#include "progress/run_state.h"

#include <squid_mesh/error.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace squid_mesh::inline v1 {

namespace event {

// -- Of workers. Steps are indexes of steps, branches of `run_state::branches`.

/// A worker got a branch's job. An `attempt` above 1 means that an earlier worker had it, lost it, and nobody wrote
/// that into the journal: every clean release takes its delivery back, and our rescuer journals the loss.
struct delivered {
  std::size_t branch = 0;
  int attempt = 1;
  time_point since{};  ///< when the job was fetched
};
/// One attempt of a step in this process. Its result is stale once the journal knows more about the step.
struct attempt {
  std::size_t step = 0;
  int number = 1;  ///< `step_progress::attempts` when it began, plus 1
  time_point started_at{};
  /// Of a step over a list: the element. The number is its own then.
  std::optional<std::size_t> element{};
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
/// The run has been planned that a step starts and waits for: `start` has its record and its jobs.
struct child_planned {
  attempt of;
  commit start;
};
/// The run for which a step waits has ended, so far as this attempt is concerned.
struct child_ended {
  std::size_t step = 0;
  run_id child;
  result<json> outcome;
};
/// It hasn't.
struct child_goes_on {
  std::size_t step = 0;
  run_id child;
};
/// This process knows no handler for the step, or not the workflow of the run that it starts.
struct no_handler {
  attempt of;
};
/// The process that had a branch's job died.
struct worker_died {
  std::size_t branch = 0;
  std::string node;
  time_point since{};  ///< when that process fetched the job
};

// -- Of people and of timers. They hold no job.

/// Who does it and why, and the key under which it is done once.
struct command {
  std::string actor;
  std::string reason;
  json metadata;
  std::string key;
};
struct unblocked {
  command by;
  std::string step;  ///< empty: the only pause that is open
};
struct approved {
  command by;
  std::string step;
};
struct rejected {
  command by;
  std::string step;
};
struct signalled {
  command by;
  std::string name;
  json data;
};
/// `idle`: branches whose jobs nobody executes. `has_children`: runs that this one has started haven't ended.
struct cancelled {
  command by;
  std::vector<std::size_t> idle;
  bool has_children = false;
};
struct deadline_reached {
  std::vector<std::size_t> idle;
  bool has_children = false;
};
/// A failed run is to go on where it failed. `inputs`: an object of objects, by step, which replace the steps' inputs.
struct retried {
  command by;
  json inputs;
};

/// Of the compensation that has failed for good.
struct compensation_resolved {
  enum class how { retried, skipped, done };
  command by;
  how as = how::retried;
};

/// The run is to go on by another definition: `state` is where it is by that, or why it can't be moved.
struct migrated {
  command by;
  std::shared_ptr<const definition> to;
  step_names steps;
  result<run_state> state;
  bool is_executed = false;  ///< whether somebody executes a job of the run
};

}  // namespace event

using worker_event =
    std::variant<event::delivered, event::succeeded, event::failed, event::interrupted, event::no_handler,
                 event::worker_died, event::child_planned, event::child_ended, event::child_goes_on>;
using command_event =
    std::variant<event::unblocked, event::approved, event::rejected, event::signalled, event::cancelled,
                 event::deadline_reached, event::retried, event::compensation_resolved, event::migrated>;

/// What `decide` may know of the world.
struct moment {
  time_point now{};
  std::string node;       ///< of the process in which the event happened
  double chance = 0;      ///< in [0, 1): the random part of a backoff
  bool draining = false;  ///< the process shuts down: begin nothing new
  std::string queue;      ///< of the job that the worker holds; empty where any will do
};

/// What a worker is to run.
struct next_attempt {
  std::size_t step = 0;
  std::optional<std::size_t> element{};  ///< of a step over a list

  bool operator==(const next_attempt&) const = default;
};

/// What the event changes, and what the worker does next.
struct decision {
  std::vector<fact> facts;
  std::optional<status_change> status;
  std::optional<run_status> was;        ///< what `status` changes
  job_change job;                       ///< of the job that the worker holds
  std::optional<std::size_t> releases;  ///< that job's branch, if it has no job from now on
  /// Branches that need a new job: those that begin, and the worker's own where it goes on on another queue.
  std::vector<std::size_t> opened;
  /// Branches that a command lets go on: each gets a job now, if it has none.
  std::vector<std::size_t> woken;
  bool retires_jobs = false;      ///< see `commit::retires_jobs`
  std::optional<snapshot> keeps;  ///< the state that it leads to, now and then
  std::string pins;               ///< see `commit::pins`
  /// A run that begins with this, with its jobs.
  std::optional<commit> begins;
  bool wakes_parent = false;      ///< the run has ended for which another one waits
  bool cancels_children = false;  ///< those that it has started, and that are to be cancelled along with it
  /// What to run once the facts are durable. Unset: the worker is done with this job.
  std::optional<next_attempt> run_next;
  /// The event is late, doubled or impossible in this state: it changes nothing, and says nothing about the job.
  bool stale = false;
  bool repeated = false;  ///< the command was given before: it changes nothing
  /// Why a command can't be given now. Of workers' events: a rule is broken, and the state can't be used any more.
  std::optional<error> refusal;
};

/// Moves the state on by the facts of the decision. Nothing happens to it where there are none.
decision decide(run_state& state, const worker_event& what, const moment& when);

/// The same for commands. `conflict` and `invalid_argument` as refusals.
decision decide(run_state& state, const command_event& what, const moment& when);

/// The branches of a run that has begun now, each of which needs a job.
std::vector<std::size_t> first_branches(const definition& workflow);

/// What a branch's job is to say.
driven_branch driven(const run_state& state, std::size_t branch);
/// The job that lets a branch go on where it is.
job_insert branch_job(const run_state& state, std::size_t branch);
/// The branch that a job drives; nullopt where there is none of the name.
std::optional<std::size_t> branch_of(const definition& workflow, const driven_branch& driven);

/// Makes one of what several decisions about a run, in their order, want of its branches' jobs. `holders`: whose job
/// each of `whole.jobs` is. A branch is woken at most once, and not where the commit itself says what becomes of its
/// job: one that was to sleep goes on then.
void reconcile_wakes(commit& whole, std::span<const driven_branch> holders);

/// Adds a decision to a commit about the same run: `job` is what the event's worker holds.
void add_to(commit& whole, const run_state& after, const decision& made, const std::optional<delivery>& job);

}  // namespace squid_mesh::inline v1
