// The seam between the engine and a database: what the engine wants done, not how it is spelled in SQL.
#pragma once

#include "model/commit.h"
#include "model/health.h"
#include "model/records.h"

#include <squid_mesh/error.hpp>
#include <squid_mesh/ids.hpp>
#include <squid_mesh/jobs.hpp>
#include <squid_mesh/run.hpp>
#include <squid_mesh/time.hpp>
#include <squid_mesh/transaction.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace squid_mesh::storage {

/// How many jobs of a queue a node has room for.
struct claim {
  std::string queue;
  std::size_t limit = 0;
  /// If set: at most so many jobs of the queue are to be executing on all living nodes together.
  std::optional<std::size_t> everywhere{};
};

/// A job that is now executing on the node that claimed it. A job that carries a run brings the run's journal, from its
/// last snapshot on; one that drives one of many branches doesn't: many of them come at once, and the journal is the
/// same.
struct claimed_job {
  job_row job;
  std::optional<journal> run;
  std::int64_t last_seq = 0;  ///< of a job that drives one of many branches: how far the run's journal had got
};

/// All that there is to be seen of a run.
struct whole_run {
  journal history;
  std::vector<job_row> jobs;         ///< those that drive its branches
  std::vector<run_record> children;  ///< newest first
};

/// What one round of a node's loop wants: everything in it is written with one synchronisation of the disk where the
/// database allows that.
struct batch {
  time_point now{};
  std::vector<const commit*> commits;
  /// Scheduled and retryable jobs of these queues that are due become available. Before the claims.
  std::vector<std::string> stage;
  std::vector<claim> claims;
  /// `attempted_by` of claimed jobs, as stored.
  std::string_view attempted_by;
};

struct batch_outcome {
  std::vector<commit_outcome> commits;  ///< in the order of `batch::commits`
  std::vector<claimed_job> claimed;     ///< in the order in which they should begin
  std::vector<std::string> available;   ///< of `batch::stage`: queues that have available jobs, before the claims
  std::optional<time_point> next_due;   ///< of `batch::stage`: when the next job is due, if any is
};

/// A row of `squid_mesh_nodes`, refreshed while its process lives.
struct heartbeat {
  node_identity node;
  time_point now{};
  time_point expires_at{};
  /// Rows that expired before this, of nodes that hold no jobs, are deleted along: a killed process leaves its own.
  time_point forgets_before{};
  std::vector<node_queue> queues{};  ///< written with the first one
};

/// Runs of a workflow that have ended in some way, in the order of their ends, and of their ids where those are the
/// same: those after one place, up to another one. Imported ones are not among them.
struct end_range {
  std::string workflow;
  std::vector<run_status> statuses;
  ended_run after{};
  ended_run up_to{};
};

/// A run that comes from elsewhere, with the definition to which it is pinned.
struct run_import {
  journal history;  ///< `run_record::imported_at` is set
  std::string definition_name;
  std::string definition_version;
  std::string definition_document;
};

/// How a store learns of what other processes bring.
enum class hearing {
  unknown,   ///< it hasn't been found out yet
  notified,  ///< at once
  polling,   ///< by looking now and then: notifications don't arrive
};

/// A transaction in which a step's handler writes before its end is committed with it. Rolled back where it is
/// destroyed uncommitted. Used by one thread at a time.
class unit_of_work {
 public:
  unit_of_work() = default;
  unit_of_work(const unit_of_work&) = delete;
  unit_of_work& operator=(const unit_of_work&) = delete;
  virtual ~unit_of_work() = default;

  /// What the handler writes in.
  virtual transaction& hosts_side() = 0;

  /// Applies the commit and ends the transaction. Where the commit is refused, everything is rolled back. Errors: as of
  /// `store`, and `conflict` where the handler has ended the transaction or left it failed.
  virtual result<commit_outcome> commit(const squid_mesh::commit& what, time_point now) = 0;
};

/// Safe to use from several threads; calls that write wait for each other. Errors: `unavailable` (busy or unreachable:
/// nothing happened, try again), `in_doubt` (a write may have happened), `invalid_argument` (it can't store such
/// values), `storage` (anything else).
class store {
 public:
  store() = default;
  store(const store&) = delete;
  store& operator=(const store&) = delete;
  virtual ~store() = default;

  // -- The engine's writes

  /// Applies the commits, each whole or not at all, and one that is refused doesn't harm the others. On an error none
  /// of the batch was applied, unless it is `in_doubt`.
  virtual result<batch_outcome> write(const batch& what) = 0;

  /// Whether a commit whose answer was lost was applied. Only for commits with facts or a start.
  virtual result<bool> was_applied(const commit& what) = 0;

  // -- Transactions of the host's

  /// Applies commits in an open transaction of the host's; they are as durable as that will be. `invalid_argument` for
  /// a transaction on another kind of database, `conflict` where none is open.
  virtual result<std::vector<commit_outcome>> write_in(transaction& hosts, std::span<const commit> commits,
                                                       time_point now) = 0;

  /// Begins a transaction for one step's handler. Waits for its turn where there are only so many.
  virtual result<std::unique_ptr<unit_of_work>> begin() = 0;

  // -- Duties that any node may do at any time

  /// Returns the time by the clock that all nodes share: the database server's, or the machine's.
  virtual result<time_point> beat(const heartbeat& what) = 0;
  virtual result<void> remove_node(const node_identity& node) = 0;

  /// Executing jobs of these queues whose node isn't alive.
  virtual result<std::vector<claimed_job>> find_orphans(std::span<const std::string> queues, time_point now,
                                                        std::size_t limit) = 0;

  /// Executing jobs of these queues that the node which writes this `attempted_by` has claimed.
  virtual result<std::vector<claimed_job>> find_claimed(std::span<const std::string> queues,
                                                        std::string_view attempted_by) = 0;

  /// Gives branches of runs that haven't ended, but whose job was deleted, completed, cancelled or discarded by
  /// somebody, a new job: on the run's queue, or on this one where the run names none. The same for schedules. Returns
  /// how many.
  virtual result<std::size_t> mend_runs(const std::string& queue, time_point now, std::size_t limit) = 0;

  /// Deletes finished jobs of these queues that ended before `before`. Returns how many.
  virtual result<std::size_t> prune_jobs(std::span<const std::string> queues, time_point before, std::size_t limit) = 0;

  /// Runs whose jobs these are and that are being cancelled: whoever executes such a job should stop.
  virtual result<std::vector<job_id>> being_cancelled(std::span<const job_id> ids) = 0;

  /// Whether other processes may have brought jobs for these queues since the last call. Cheap; may say yes too often,
  /// and where it only learns by polling, never says so.
  virtual bool changed_by_others(std::span<const std::string> queues) = 0;
  virtual hearing listening() = 0;

  // -- Definitions

  virtual result<void> put_definition(std::string_view fingerprint, std::string_view name, std::string_view version,
                                      std::string_view document, time_point now) = 0;
  /// The JSON text of a definition; `not_found`.
  virtual result<std::string> get_definition(std::string_view fingerprint) = 0;

  // -- Looking at everything

  /// Those of one name, or all where it is empty: by name, the newest of each first.
  virtual result<std::vector<definition_record>> list_definitions(std::string_view name) = 0;
  /// The one that was heard of last first.
  virtual result<std::vector<node_record>> list_nodes() = 0;
  /// By name.
  virtual result<std::vector<queue_record>> list_queues() = 0;

  /// Runs that haven't ended, but for imported ones, by `run_record::status`.
  virtual result<std::map<run_status, std::size_t>> count_live_runs() = 0;

  // -- Looking for what is wrong: reads alone, and no more rows than are said

  virtual result<server_health> read_server() = 0;
  virtual result<health> read_health(time_point now, const health_bounds& bounds) = 0;
  /// Whether notifications arrive, found out at this moment: that may take three seconds. Never `unknown`.
  virtual result<hearing> test_hearing() = 0;

  // -- Runs

  virtual result<journal> read_run(const run_id& id) = 0;     ///< `not_found`
  virtual result<journal> read_recent(const run_id& id) = 0;  ///< the same, from its last snapshot on
  /// The run that was started under this idempotency key; nullopt where there is none.
  virtual result<std::optional<run_id>> find_by_start_key(std::string_view workflow, std::string_view key) = 0;
  /// The jobs that drive a run's branches, with what each of them drives. Not those that are gone.
  virtual result<std::vector<job_row>> jobs_of_run(const run_id& id) = 0;
  /// A run with its journal, its jobs and its newest children; `not_found`.
  virtual result<whole_run> read_whole(const run_id& id, std::size_t max_children);
  /// The status that a person should see; `not_found`.
  virtual result<run_status> read_status(const run_id& id) = 0;
  virtual result<std::vector<run_record>> list_runs(const run_filter& filter,
                                                    const std::optional<run_id>& older_than) = 0;

  // -- Retention

  /// The workflows of which runs have ended, in order. Imported ones don't count.
  virtual result<std::vector<std::string>> workflows_with_ends() = 0;
  /// Of the runs in a range, from its end: the one before which so many others come. Counts them, once for each call.
  virtual result<std::optional<ended_run>> find_end(const end_range& among, std::size_t newer) = 0;
  /// The first runs of a range; found by an index alone.
  virtual result<std::vector<ended_run>> find_ended(const end_range& among, std::size_t limit) = 0;
  /// Deletes runs with their journals, and the finished jobs that they name, in one transaction. Spares those that have
  /// gone on since, that were imported, and that others are changing at this moment. Returns those that are gone.
  virtual result<std::vector<run_id>> delete_ended(std::span<const ended_run> runs) = 0;

  /// Stores a run to be looked at: it gets no job. False, and nothing is written: there is a run with this id.
  virtual result<bool> import_run(const run_import& what, time_point now) = 0;
  /// Deletes a run that was imported, with its journal. False: there is none with this id.
  virtual result<bool> delete_imported(const run_id& id) = 0;

  // -- Jobs

  virtual result<job_row> read_job(job_id id) = 0;  ///< `not_found`
  virtual result<std::vector<job_row>> list_jobs(const jobs::job_filter& filter) = 0;
  /// False: the job had ended already.
  virtual result<bool> cancel_job(job_id id, time_point now) = 0;
  /// False: the job is available or executing.
  virtual result<bool> retry_job(job_id id, time_point now) = 0;
  /// Those of the given jobs that are no longer executing: somebody else ended or took them.
  virtual result<std::vector<job_id>> not_executing(std::span<const job_id> ids) = 0;
  virtual result<void> set_paused(std::string_view queue, bool paused, time_point now) = 0;

  // -- Schedules

  /// Makes a schedule known, with a tick job on this queue that is due at its `next_at`. One that is there already and
  /// says the same stays as it is; one with another expression or time zone is changed, with its job.
  virtual result<void> put_schedule(const schedule_record& what, const std::string& queue, time_point now) = 0;
  virtual result<std::vector<schedule_record>> list_schedules() = 0;
  /// Pauses a schedule, or resumes it with its next tick at `next_at`. `not_found`; false: it was so already.
  virtual result<bool> set_schedule_paused(std::string_view workflow, std::string_view trigger, bool paused,
                                           time_point next_at, time_point now) = 0;
};

}  // namespace squid_mesh::storage
