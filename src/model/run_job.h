// Jobs that carry runs: the one place that knows their form in the job table. It is stored, so it never changes.
#pragma once

#include "model/records.h"

#include <squid_mesh/ids.hpp>

#include <optional>
#include <string>

namespace squid_mesh {

/// Their worker string; their args are `{"run_id": "..."}`.
inline constexpr const char* run_worker_name = "squid_mesh.run";

/// A job that lets a worker drive this run, available at once.
job_insert run_job(const run_id& run, const std::string& queue);

/// The run that a job carries, if it carries one.
std::optional<run_id> run_of(const job_row& job);

}  // namespace squid_mesh
