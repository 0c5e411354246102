// Rows as the engine sees them: runs with their journals, and jobs.
#pragma once

#include "model/fact.h"

#include <squid_mesh/ids.hpp>
#include <squid_mesh/jobs.hpp>
#include <squid_mesh/run.hpp>
#include <squid_mesh/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace squid_mesh::inline v1 {

/// What a job drives: the only branch of a run, one of several that go on side by side, or the watch over its deadline.
struct driven_branch {
  enum class role { only, one_of_many, deadline };

  run_id run;
  role is = role::only;
  std::string step{};  ///< of one of many: the step with which the branch began, which names it

  bool operator==(const driven_branch&) const = default;
};

/// How a run was started by another one.
struct parent_link {
  run_id run;
  std::string step;
  std::string key;                 ///< what the parent calls this run
  bool is_cancelled_along = true;  ///< with the parent
  int depth = 1;                   ///< of the run, below the one that nobody has started
  /// The branch that waits for the run's end, and where its jobs go. None: nobody does.
  std::optional<driven_branch> waiting{};
  std::string queue{};
  int priority = 0;
  std::string traceparent{};  ///< of the attempt that starts it; what the child's origin says of its own trace
};

/// One row of `squid_mesh_runs`: how the run began, and its projection (`job`, `status`, `ended_at`).
struct run_record {
  run_id id;
  std::string workflow;
  std::string definition;  ///< the fingerprint to which the run is pinned
  std::string trigger;
  std::string payload;  ///< JSON text, defaults filled in
  time_point started_at{};
  std::string queue{};      ///< where its jobs go, unless a step says otherwise; empty in rows of earlier versions
  int priority = 0;         ///< of its jobs
  std::string start_key{};  ///< the idempotency key of its start, unique in the workflow; empty: none
  std::optional<time_point> deadline{};
  /// JSON text, an object, or empty: `schedule` (what is in the context under that key: the intended time and window of
  /// a tick), `replay_of` (a run's id), `allow_irreversible`, `actor`, `reason`, `traceparent`, `parent` (see
  /// `run_origin.h`).
  std::string origin{};
  std::optional<run_id> parent{};  ///< the run that has started it; the origin says more
  /// The job that carries the run's only branch. None while it waits for somebody, and where the run has several:
  /// each of those has a row in `squid_mesh_branches`.
  std::optional<job_id> job{};
  /// As stored. While the run's job is executing, a stored `pending` or `retrying` means `running`: beginning to run
  /// doesn't cost a row that says so.
  run_status status = run_status::pending;
  run_status shown_status = run_status::pending;  ///< with that meaning spelled out
  std::optional<time_point> ended_at;
  /// When it was imported, if it was: nothing works on it then, and nothing changes it.
  std::optional<time_point> imported_at{};
  /// Of an imported run: JSON text, a list of [seq, transition]: along which transitions its facts have led.
  std::string routes{};
};

/// What observers are told of a run beside what happens to it. Constant while it lives.
struct run_label {
  std::string workflow;
  std::string trigger;
  std::string traceparent;  ///< empty: none was given
  time_point started_at{};
};

/// A run that has ended, and when. It may have gone on and have ended again since: then this is another end.
struct ended_run {
  run_id id;
  time_point ended_at{};

  bool operator==(const ended_run&) const = default;
};

/// A run's state after so many facts, as text: see `progress/snapshot.h`. Never the truth, which is the journal.
struct snapshot {
  std::int64_t seq = 0;
  std::string text;
};

/// A run with what happened to it: everything, or all that came after a snapshot.
struct journal {
  run_record run;
  std::vector<fact> facts;
  std::optional<snapshot> before{};  ///< what the facts follow; none: they are all there are
};

/// One row of `oban_jobs`, its JSON columns as text.
struct job_row {
  job_id id;
  jobs::state state = jobs::state::available;
  std::string queue;
  std::string worker;
  std::string args;
  std::string meta;
  std::string tags;
  std::string errors;
  std::string attempted_by;
  std::string holder;  ///< who fetched it, and when, as stored: the same for nobody else and at no other time
  int attempt = 0;
  int max_attempts = 20;
  int priority = 0;
  time_point inserted_at{};
  time_point scheduled_at{};
  std::optional<time_point> attempted_at;
  std::optional<time_point> completed_at;
  std::optional<time_point> discarded_at;
  std::optional<time_point> cancelled_at;
};

/// A job to be inserted; validated, its JSON columns as text.
struct job_insert {
  std::string queue;
  std::string worker;
  std::string args = "{}";
  std::string meta = "{}";
  std::string tags = "[]";
  int priority = 0;
  int max_attempts = 20;
  int attempt = 0;
  std::optional<time_point> scheduled_at{};  ///< unset: available at once
  std::optional<driven_branch> drives{};     ///< for jobs that carry runs: from now on this is the branch's job
};

/// One row of `squid_mesh_schedules`: a cron trigger and its next tick.
struct schedule_record {
  std::string workflow;
  std::string trigger;
  std::string expression;
  std::string timezone;
  time_point next_at{};
  std::optional<time_point> last_at{};  ///< the intended time of the last tick that fired
  std::optional<run_id> last_run{};
  std::optional<time_point> paused_at{};
};

/// One process of workers.
struct node_identity {
  std::string name;
  std::string id;  ///< a uuid, new for each start
};

/// One row of `squid_mesh_nodes`.
struct node_record {
  node_identity node;
  time_point started_at{};
  time_point beat_at{};
  time_point expires_at{};
};

/// One row of `squid_mesh_definitions`, without its document.
struct definition_record {
  std::string fingerprint;
  std::string name;
  std::string version;
  time_point added_at{};
};

/// A queue that has jobs which haven't ended, or from which nothing is fetched.
struct queue_record {
  std::string queue;
  std::size_t available = 0;
  std::size_t scheduled = 0;
  std::size_t executing = 0;
  std::size_t retryable = 0;
  std::optional<time_point> waiting_since{};  ///< the available one that has waited longest
  bool is_paused = false;
};

}  // namespace squid_mesh::inline v1
