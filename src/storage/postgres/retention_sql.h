// The statements about runs that are to go, and about runs that come from elsewhere.
#pragma once

#include "model/records.h"
#include "storage/postgres/connection.h"
#include "storage/postgres/run_sql.h"
#include "storage/postgres/target.h"
#include "storage/store.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace squid_mesh::storage::postgres {

struct retention_statements {
  explicit retention_statements(const schema& tables);

  statement workflows;        ///< -> workflows
  statement last_but;         ///< range, newer -> id, ended_at
  statement find;             ///< range, limit -> id, ended_at
  statement remove_ended;     ///< ids uuid[], ended_at timestamptz[] -> ids
  statement remove_imported;  ///< id -> ids
  statement clear;            ///< id: facts without a run
  statement insert_run;       ///< the row of an imported run, and its facts as columns -> ids
};

// What they do is said in `store`.

std::vector<std::string> workflows_with_ends(connection& database, const retention_statements& sql);
std::optional<ended_run> find_end(connection& database, const retention_statements& sql, const end_range& among,
                                  std::size_t newer);
std::vector<ended_run> find_ended(connection& database, const retention_statements& sql, const end_range& among,
                                  std::size_t limit);
std::vector<run_id> delete_ended(connection& database, const retention_statements& sql,
                                 std::span<const ended_run> runs);
bool import_run(connection& database, const retention_statements& sql, const run_statements& runs,
                const run_import& what, time_point now);
bool delete_imported(connection& database, const retention_statements& sql, const run_id& id);

}  // namespace squid_mesh::storage::postgres
