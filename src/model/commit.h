// The commit: everything that one event changes, as a value. Built by pure functions, written by `store::write`.
#pragma once

#include "model/fact.h"
#include "model/records.h"

#include <squid_mesh/ids.hpp>
#include <squid_mesh/run.hpp>
#include <squid_mesh/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace squid_mesh {

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

/// A change of a run's projection.
struct status_change {
  run_status status = run_status::running;
  std::optional<time_point> ended_at;

  bool operator==(const status_change&) const = default;
};

/// Applied at most once, whole or not at all. The fence of a commit with facts is the key (run, seq) of its first fact;
/// that of a commit with a delivery alone is the delivery.
struct commit {
  /// A run that begins with this commit; its job is the first of `inserts`.
  std::optional<run_record> start;

  /// The run that `facts` and `status` are about.
  run_id run{};
  std::vector<fact> facts;
  std::optional<status_change> status;

  /// The job on whose behalf this is, and what becomes of it. Where facts are accepted although the job is no longer
  /// ours, the outcome says so: the journal is the truth, the job only brought us here.
  std::optional<delivery> job;
  job_change change;

  std::vector<job_insert> inserts;
};

/// What became of a commit.
struct commit_outcome {
  bool applied = false;          ///< false: the fence was taken, nothing was changed
  bool job_lost = false;         ///< the job row was not ours any more
  std::vector<job_id> inserted;  ///< the ids of `commit::inserts`, in order
};

}  // namespace squid_mesh
