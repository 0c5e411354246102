// The commit: everything that one event changes, as a value. Built by pure functions, written by `store::write`.
#pragma once

#include "model/fact.h"
#include "model/records.h"

#include <squid_mesh/ids.hpp>
#include <squid_mesh/run.hpp>
#include <squid_mesh/time.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace squid_mesh::inline v1 {

/// One worker's permission to work on one job: what its acknowledgement is fenced with. Whoever takes the job over
/// changes the attempt or the holder, and the late acknowledgement finds no row. A node that gets the same job again
/// is another holder: it has it since another moment.
struct delivery {
  job_id job;
  int attempt = 0;
  std::string holder;  ///< `job_row::holder`
  /// What the attempt goes back to when the delivery doesn't count. For runs 0: their attempts are in the journal, and
  /// a job attempt above 1 is the sign of a loss that nobody journaled.
  int uncounted_attempt = 0;

  // What observers are told.
  std::string queue{};
  std::string worker{};
  time_point since{};      ///< when it was fetched
  bool is_orphan = false;  ///< of a process that died
};

/// What becomes of the delivered job.
struct job_change {
  enum class kind {
    keep,       ///< The worker goes on with it.
    finish,     ///< It is completed.
    snooze,     ///< It comes back at `at`; the delivery doesn't count as an attempt.
    give_back,  ///< It is available again at once; the delivery doesn't count as an attempt.
    retry,      ///< It failed for `reason` and comes back at `at`.
    rescue,     ///< It failed for `reason`, and is available again at once; discarded if that was its last attempt.
    discard,    ///< It failed for `reason`, for good.
    cancel,     ///< It was cancelled for `reason`.
  };
  kind is = kind::keep;
  time_point at{};
  std::string reason{};

  bool operator==(const job_change&) const = default;
};

/// Whether the job leaves its worker with this change.
constexpr bool ends_delivery(job_change::kind change) { return change != job_change::kind::keep; }

/// A delivered job and what becomes of it.
struct job_step {
  delivery whose;
  job_change change;
  /// The driven branch has ended or waits for somebody: it has no job from now on, and none is missing.
  std::optional<driven_branch> releases;
};

/// A change of a run's projection. Without `ended_at` the run has not ended, or goes on again.
struct status_change {
  run_status status = run_status::running;
  std::optional<time_point> ended_at;

  bool operator==(const status_change&) const = default;
};

/// What a tick changes in its schedule's row.
struct schedule_change {
  std::string workflow;
  std::string trigger;
  time_point next_at{};
  std::optional<time_point> last_at;  ///< the intended time of the tick; unset: it stays as it is
  std::optional<run_id> last_run;     ///< unset: it stays as it is
};

/// Applied at most once, whole or not at all. Its fence is, in this order: the key (run, seq) of its first fact;
/// without facts the delivery of its job, of which there is one at most then; without jobs, for a start, the run's id
/// and its start key.
struct commit {
  /// A run that begins with this commit. Its jobs are among `inserts`, at least one. Where the commit has another fence
  /// and the run's start key is taken, all but the run and its jobs is applied.
  std::optional<run_record> start;

  /// The run that this is about; zero for plain jobs.
  run_id run{};
  std::vector<fact> facts;
  std::optional<status_change> status;

  /// The jobs on whose behalf this is, and what becomes of them. Where facts are accepted although a job is no longer
  /// ours, the outcome says so: the journal is the truth, the job only brought us here.
  std::vector<job_step> jobs;

  std::vector<job_insert> inserts;

  /// Branches that are to go on now, whatever their jobs are doing: a job that waits for its time becomes available,
  /// one that is available or executing stays as it is, and one that has ended or is gone is replaced by the given one.
  /// Each says what it `drives`, which may be another run. Not branches whose jobs this commit changes or inserts.
  std::vector<job_insert> wakes;

  /// The run has ended: its jobs that nobody executes are cancelled, and no branch has a job any more.
  bool retires_jobs = false;

  std::optional<schedule_change> schedule;

  /// The run's state after one of these facts, which is kept instead of an earlier one.
  std::optional<snapshot> keeps{};

  /// The fingerprint of another definition, to which the run is pinned from now on. Without a change of its status.
  std::string pins{};
  /// Jobs of the run that wait: if one of them doesn't any more, the commit is refused. Who claims one afterwards reads
  /// a journal that has these facts. Only beside facts, and not with other changes of jobs.
  std::vector<job_id> idle{};

  /// What observers are told of the run, and of its status before; nullptr and nullopt where nobody knows.
  std::shared_ptr<const run_label> label{};
  std::optional<run_status> was{};

  /// Whether its run may have ended before, so that it may be gone: then the commit is refused.
  [[nodiscard]] bool may_follow_end() const {
    return std::ranges::any_of(facts, [](const fact& f) { return squid_mesh::may_follow_end(f.kind); });
  }
};

/// What became of a commit.
struct commit_outcome {
  bool applied = false;      ///< false: the fence was taken, nothing was changed
  std::vector<job_id> lost;  ///< of `commit::jobs`: those that were not ours any more; of kept ones nobody asks
  /// The ids of `commit::inserts`, in order. Zero for jobs of a run that did not begin, because its start key was
  /// taken.
  std::vector<job_id> inserted;
};

}  // namespace squid_mesh::inline v1
