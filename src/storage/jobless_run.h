// Runs whose jobs somebody has deleted or ended.
#pragma once

#include "model/run_job.h"

#include <string>

namespace squid_mesh::storage {

struct jobless_run {
  run_id run;
  bool may_be_in_flight = false;  ///< its job had been delivered, or is gone, so that nobody knows
};

/// The job that such a run gets. Where the run may be in flight, it looks as if it had been delivered before: whoever
/// gets it takes the run over from a worker that may still be at it.
inline job_insert mending_job(const jobless_run& of, const std::string& queue) {
  job_insert job = run_job(of.run, queue);
  job.attempt = of.may_be_in_flight ? 1 : 0;
  return job;
}

}  // namespace squid_mesh::storage
