// Starting runs: from a payload to the commit that creates the run and its first job.
#pragma once

#include "base/random.h"
#include "model/commit.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>

#include <cstddef>
#include <string>

namespace squid_mesh {

/// The worker string of jobs that carry runs; stored in the job table, so it never changes.
inline constexpr const char* run_worker_name = "squid_mesh.run";

struct start_request {
  const squid_mesh::definition* workflow = nullptr;
  std::string trigger;  ///< empty: the first
  const json* payload = nullptr;
  std::string queue;
  std::size_t max_payload_bytes = 0;
};

/// `not_found` for a trigger that isn't there, `invalid_payload` as `accept_payload` says.
result<commit> plan_start(const start_request& request, time_point now, random_source& random);

/// The job that carries a run, for the run's first delivery and for any replacement. Its args are filled in by the run.
job_insert run_job(const std::string& queue);

}  // namespace squid_mesh
