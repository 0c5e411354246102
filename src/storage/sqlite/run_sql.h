// The statements about runs, journals and definitions.
#pragma once

#include "model/commit.h"
#include "model/records.h"
#include "storage/sqlite/connection.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::storage::sqlite {

/// What changes in a run's row.
struct projection {
  std::optional<status_change> status{};
  std::optional<job_id> job{};       ///< this one drives the run's only branch from now on
  std::optional<job_id> released{};  ///< this one doesn't any more, if it did; a run that ends keeps it on record
};

/// Writing runs, on the writing connection.
class run_writer {
 public:
  explicit run_writer(connection& database);

  /// Whether the run's id or its start key is taken.
  bool is_taken(const run_record& run);
  bool exists(const run_id& run);
  void insert_run(const run_record& run, std::optional<job_id> job);
  /// False, and nothing is written, when the fact's place in the journal is taken.
  bool append(const run_id& run, const fact& next);
  void project(const run_id& run, const projection& change);
  void set_job(const run_id& run, job_id job);
  void pin(const run_id& run, std::string_view definition);
  void keep(const run_id& run, const snapshot& state);

  void put_definition(std::string_view fingerprint, std::string_view name, std::string_view version,
                      std::string_view document, time_point now);

 private:
  statement is_taken_;
  statement exists_;
  statement insert_run_;
  statement append_;
  statement set_status_;
  statement project_;
  statement set_job_;
  statement pin_;
  statement keep_;
  statement put_definition_;
};

/// How much of a journal: all of it, or from its last snapshot on.
enum class journal_part { whole, recent };

/// Reading runs, on any connection.
class run_reader {
 public:
  explicit run_reader(connection& database);

  std::optional<run_record> find(const run_id& id);
  std::optional<run_id> find_by_start_key(std::string_view workflow, std::string_view key);
  /// Whether it is being cancelled, or has ended.
  bool is_ending(const run_id& id);
  /// By several statements: they have to be in one transaction.
  std::optional<journal> read(const run_id& id, journal_part which);
  /// How many facts a journal has.
  std::int64_t last_seq(const run_id& id);
  /// The fact at a place of a journal.
  std::optional<fact> fact_at(const run_id& id, std::int64_t seq);
  std::vector<run_record> list(const run_filter& filter, const std::optional<run_id>& older_than);
  std::optional<std::string> definition(std::string_view fingerprint);

 private:
  std::vector<fact> facts_after(const run_id& id, std::int64_t seq);
  std::optional<snapshot> last_snapshot(const run_id& id);

  connection& database_;
  statement find_;
  statement journal_;
  statement snapshot_;
  statement fact_at_;
  statement last_seq_;
  statement find_by_start_key_;
  statement is_ending_;
  statement definition_;
};

}  // namespace squid_mesh::storage::sqlite
