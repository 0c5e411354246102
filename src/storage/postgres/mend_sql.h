// The statements that give new jobs to branches of runs, and to schedules, whose jobs somebody has deleted or ended.
#pragma once

#include "storage/postgres/connection.h"
#include "storage/postgres/target.h"

#include <squid_mesh/time.hpp>

#include <cstddef>
#include <string>

namespace squid_mesh::storage::postgres {

struct mend_statements {
  explicit mend_statements(const schema& tables);

  statement jobless_branches;   ///< limit -> run, branch, job, may it be in flight, run's queue, priority, deadline
  statement mend_branches;      ///< one array for each column -> the number of those that have got a job
  statement jobless_schedules;  ///< limit -> workflow, trigger, queue, job, next_at
  statement mend_schedules;     ///< one array for each column -> the number of those that have got a job
};

/// `store::mend_runs`. What another node mends at the same time is left to that one.
std::size_t mend(connection& database, const mend_statements& sql, const std::string& queue, time_point now,
                 std::size_t limit);

}  // namespace squid_mesh::storage::postgres
