// The rules of single jobs: what may be inserted, and what becomes of a job that failed.
#pragma once

#include "base/random.h"
#include "model/commit.h"
#include "model/records.h"

#include <squid_mesh/error.hpp>
#include <squid_mesh/jobs.hpp>

#include <optional>
#include <string>

namespace squid_mesh::inline v1::jobs {

/// A job as it is inserted: tags trimmed, in lower case, each once. `errc::invalid_argument` lists every problem.
result<job_insert> to_insert(const new_job& work);

/// A row as users see it.
result<job> to_job(const job_row& row);

/// A failed delivery: again after `delay`, or after Oban's backoff with up to a tenth of `chance`; discarded if that
/// was the last attempt.
job_change after_failure(const job_row& row, std::string reason, std::optional<microseconds> delay, time_point now,
                         double chance);

}  // namespace squid_mesh::inline v1::jobs
