// The statements about which jobs drive which branches of runs.
#pragma once

#include "model/records.h"
#include "storage/jobless.h"
#include "storage/sqlite/connection.h"

#include <optional>
#include <string_view>
#include <vector>

namespace squid_mesh::storage::sqlite {

/// On the writing connection. Several branches are rows of their own; the only one of a run is in the run's row.
class branch_writer {
 public:
  explicit branch_writer(connection& database);

  /// From now on this job drives the branch of several that is called so.
  void attach(const run_id& run, std::string_view name, job_id job);
  /// The branch has no job any more, if it was this one.
  void release(const run_id& run, std::string_view name, job_id job);
  /// None of several branches has a job any more.
  void release_all(const run_id& run);

  /// The job that drives a branch, be it there or not.
  std::optional<job_id> job_of(const driven_branch& branch);
  /// The jobs of all branches.
  std::vector<job_id> jobs_of(const run_id& run);

  /// Branches of runs that haven't ended, whose job can't be delivered any more.
  std::vector<jobless_branch> jobless(std::size_t limit);

 private:
  statement attach_;
  statement release_;
  statement release_all_;
  statement job_of_only_;
  statement job_of_one_;
  statement jobs_of_;
  statement jobless_;
};

}  // namespace squid_mesh::storage::sqlite
