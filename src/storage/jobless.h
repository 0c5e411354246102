// Branches of runs, and schedules, whose jobs somebody has deleted or ended.
#pragma once

#include "model/run_job.h"
#include "storage/branch_name.h"

#include <squid_mesh/time.hpp>

#include <optional>
#include <string>

namespace squid_mesh::storage {

struct jobless_branch {
  run_id run;
  std::optional<std::string> name;  ///< as `branch_name` has it
  job_id job;                       ///< the job that is gone
  bool may_be_in_flight = false;    ///< it had been delivered, or there is no trace of it, so that nobody knows
  // Of the run.
  std::string queue;
  int priority = 0;
  std::optional<time_point> deadline;
};

/// The job that such a branch gets. Where it may be in flight, it looks as if it had been delivered before: whoever
/// gets it takes the run over from a worker that may still be at it.
inline job_insert mending_job(const jobless_branch& of, const std::string& queue) {
  const driven_branch branch = branch_named(of.run, of.name);
  job_insert job = run_job(branch, of.queue.empty() ? queue : of.queue, of.priority);
  job.attempt = of.may_be_in_flight ? 1 : 0;
  if (branch.is == driven_branch::role::deadline) job.scheduled_at = of.deadline;
  return job;
}

struct jobless_schedule {
  std::string workflow;
  std::string trigger;
  std::string queue;
  std::optional<job_id> job;  ///< the job that is gone
  time_point next_at{};
};

}  // namespace squid_mesh::storage
