// The statements about runs, journals and definitions.
#pragma once

#include "model/commit.h"
#include "model/records.h"
#include "storage/jobless_run.h"
#include "storage/sqlite/connection.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::storage::sqlite {

/// Writing runs, on the writing connection.
class run_writer {
 public:
  explicit run_writer(connection& database);

  void insert_run(const run_record& run, job_id job);
  /// False, and nothing is written, when the fact's place in the journal is taken.
  bool append(const run_id& run, const fact& next);
  void set_status(const run_id& run, const status_change& change);
  void set_job(const run_id& run, job_id job);

  /// Runs that haven't ended but have no job that could still be delivered.
  std::vector<jobless_run> jobless_runs(std::size_t limit);

  void put_definition(std::string_view fingerprint, std::string_view name, std::string_view version,
                      std::string_view document, time_point now);

 private:
  statement insert_run_;
  statement append_;
  statement set_status_;
  statement set_job_;
  statement jobless_;
  statement put_definition_;
};

/// Reading runs, on any connection.
class run_reader {
 public:
  explicit run_reader(connection& database);

  std::optional<run_record> find(const run_id& id);
  std::vector<fact> journal(const run_id& id);
  /// The fact at a place of a journal.
  std::optional<fact> fact_at(const run_id& id, std::int64_t seq);
  std::vector<run_record> list(const run_filter& filter, const std::optional<run_id>& older_than);
  std::optional<std::string> definition(std::string_view fingerprint);

 private:
  connection& database_;
  statement find_;
  statement journal_;
  statement fact_at_;
  statement definition_;
};

}  // namespace squid_mesh::storage::sqlite
