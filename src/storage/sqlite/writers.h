#pragma once

#include "storage/sqlite/branch_sql.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/job_sql.h"
#include "storage/sqlite/run_sql.h"
#include "storage/sqlite/schedule_sql.h"

namespace squid_mesh::storage::sqlite {

/// Everything that writes, on one connection.
struct writers {
  explicit writers(connection& database) : runs(database), jobs(database), branches(database), schedules(database) {}

  run_writer runs;
  job_writer jobs;
  branch_writer branches;
  schedule_writer schedules;
};

}  // namespace squid_mesh::storage::sqlite
