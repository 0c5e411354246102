// The statements about runs that are to go, and about runs that come from elsewhere.
#pragma once

#include "model/records.h"
#include "storage/sqlite/connection.h"
#include "storage/store.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace squid_mesh::storage::sqlite {

/// Reading how runs have ended, on any connection.
class end_reader {
 public:
  explicit end_reader(connection& database);

  std::vector<std::string> workflows();
  /// Of the runs in a range, from its end: the one before which so many others come.
  std::optional<ended_run> find_last_but(const end_range& among, std::size_t newer);
  std::vector<ended_run> find(const end_range& among, std::size_t limit);

 private:
  statement workflows_;
  statement last_but_;
  statement find_;
};

/// Writing, on the writing connection, in an open transaction.
class retention_writer {
 public:
  explicit retention_writer(connection& database);

  /// Deletes a run with everything that belongs to it. False: it has gone on since, was imported, or is gone.
  bool remove_ended(const ended_run& which);
  bool remove_imported(const run_id& id);
  /// The row of an imported run, in the place of whatever a late writer has left of an earlier one.
  void insert(const journal& imported);

 private:
  void remove(const run_id& id);

  statement is_ended_;
  statement is_imported_;
  statement remove_jobs_;
  statement remove_branches_;
  statement remove_facts_;
  statement remove_snapshot_;
  statement remove_run_;
  statement insert_;
};

}  // namespace squid_mesh::storage::sqlite
