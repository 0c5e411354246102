// The statements about runs, journals and definitions.
#pragma once

#include "model/commit.h"
#include "model/records.h"
#include "storage/postgres/connection.h"
#include "storage/postgres/target.h"

#include <squid_mesh/run.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::storage::postgres {

/// The columns of a run, of a row of `squid_mesh_runs` with this alias.
std::string run_columns(std::string_view alias);
constexpr int run_column_count = 18;
/// Reads a run from a row, its columns beginning at `first`.
run_record read_run(const rows& found, int row, int first);

/// The journal of the run with this id from its last snapshot on: three columns, and what is to be joined for them.
std::string recent_journal(std::string_view id);
std::string joined_snapshot(std::string_view id);
constexpr int journal_column_count = 3;
/// Reads a run with its journal from a row: the columns of the run, and those of the journal.
journal read_journal(const rows& found, int row, int first);

struct run_statements {
  explicit run_statements(const schema& tables);

  statement find;            ///< id -> run with the status that people should see
  statement read;            ///< id -> the same with the whole journal
  statement read_recent;     ///< id -> the same with the journal from its last snapshot on
  statement fact_at;         ///< id, seq -> a journal of one fact
  statement children;        ///< id, limit -> runs with the status that people should see, newest first
  statement by_start_key;    ///< workflow, key -> id
  statement put_definition;  ///< fingerprint, name, version, document, now
  statement get_definition;  ///< fingerprint -> document
};

std::optional<run_record> find_run(connection& database, const run_statements& runs, const run_id& id);
std::optional<journal> read_journal(connection& database, const statement& sql, const run_id& id);
std::optional<fact> fact_at(connection& database, const run_statements& runs, const run_id& id, std::int64_t seq);
/// Reads what `children` returns.
std::vector<run_record> read_runs(const rows& found);
/// Newest first.
std::vector<run_record> list_runs(connection& database, const schema& tables, const run_filter& filter,
                                  const std::optional<run_id>& older_than);

std::optional<run_id> find_by_start_key(connection& database, const run_statements& runs, std::string_view workflow,
                                        std::string_view key);

}  // namespace squid_mesh::storage::postgres
