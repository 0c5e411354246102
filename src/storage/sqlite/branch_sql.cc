#include "storage/sqlite/branch_sql.h"

#include "storage/branch_name.h"
#include "storage/sqlite/ids.h"

#include <cstddef>
#include <string>

namespace squid_mesh::storage::sqlite {
namespace {

constexpr named_sql attach_sql{"attach_branch", R"sql(
  INSERT INTO squid_mesh_branches (run_id, branch, job_id) VALUES (?1, ?2, ?3)
  ON CONFLICT (run_id, branch) DO UPDATE SET job_id = excluded.job_id)sql"};

constexpr named_sql release_sql{"release_branch",
                                "DELETE FROM squid_mesh_branches WHERE run_id = ?1 AND branch = ?2 AND job_id = ?3"};

constexpr named_sql release_all_sql{"release_branches", "DELETE FROM squid_mesh_branches WHERE run_id = ?1"};

constexpr named_sql job_of_only_sql{"job_of_run", "SELECT job_id FROM squid_mesh_runs WHERE id = ?1"};

constexpr named_sql job_of_one_sql{"job_of_branch",
                                   "SELECT job_id FROM squid_mesh_branches WHERE run_id = ?1 AND branch = ?2"};

constexpr named_sql jobs_of_sql{"jobs_of_run", R"sql(
  SELECT job_id FROM squid_mesh_runs WHERE id = ?1 AND job_id IS NOT NULL
  UNION ALL SELECT job_id FROM squid_mesh_branches WHERE run_id = ?1)sql"};

constexpr named_sql jobless_sql{"jobless_branches", R"sql(
  SELECT r.id, NULL, r.job_id, coalesce(j.attempt, 1) > 0, r.queue, r.priority, r.deadline
  FROM squid_mesh_runs r LEFT JOIN oban_jobs j ON j.id = r.job_id
  WHERE r.status IN ('pending', 'running', 'retrying', 'paused', 'cancelling') AND r.job_id IS NOT NULL
    AND (j.id IS NULL OR j.state IN ('completed', 'discarded', 'cancelled'))
  UNION ALL
  SELECT r.id, b.branch, b.job_id, coalesce(j.attempt, 1) > 0, r.queue, r.priority, r.deadline
  FROM squid_mesh_branches b JOIN squid_mesh_runs r ON r.id = b.run_id LEFT JOIN oban_jobs j ON j.id = b.job_id
  WHERE r.status IN ('pending', 'running', 'retrying', 'paused', 'cancelling')
    AND (j.id IS NULL OR j.state IN ('completed', 'discarded', 'cancelled'))
  LIMIT ?1)sql"};

}  // namespace

branch_writer::branch_writer(connection& database)
    : attach_(database, attach_sql),
      release_(database, release_sql),
      release_all_(database, release_all_sql),
      job_of_only_(database, job_of_only_sql),
      job_of_one_(database, job_of_one_sql),
      jobs_of_(database, jobs_of_sql),
      jobless_(database, jobless_sql) {}

void branch_writer::attach(const run_id& run, std::string_view name, job_id job) {
  attach_.bind(1, blob_of(run)).bind(2, name).bind(3, job.value).run();
}

void branch_writer::release(const run_id& run, std::string_view name, job_id job) {
  release_.bind(1, blob_of(run)).bind(2, name).bind(3, job.value).run();
}

void branch_writer::release_all(const run_id& run) { release_all_.bind(1, blob_of(run)).run(); }

std::optional<job_id> branch_writer::job_of(const driven_branch& branch) {
  const auto name = branch_name(branch);
  statement& query = name ? job_of_one_ : job_of_only_;
  query.bind(1, blob_of(branch.run));
  if (name) query.bind(2, *name);
  std::optional<job_id> found;
  if (query.next() && !query.is_null(0)) found = job_id{query.integer(0)};
  query.reset();
  return found;
}

std::vector<job_id> branch_writer::jobs_of(const run_id& run) {
  std::vector<job_id> found;
  jobs_of_.bind(1, blob_of(run));
  while (jobs_of_.next()) found.push_back({jobs_of_.integer(0)});
  return found;
}

std::vector<jobless_branch> branch_writer::jobless(std::size_t limit) {
  std::vector<jobless_branch> found;
  jobless_.bind(1, limit);
  while (jobless_.next()) {
    found.push_back({.run = to_run_id(jobless_.blob(0)),
                     .name = jobless_.is_null(1) ? std::nullopt : std::optional(std::string(jobless_.text(1))),
                     .job = {jobless_.integer(2)},
                     .may_be_in_flight = jobless_.integer(3) != 0,
                     .queue = std::string(jobless_.text(4)),
                     .priority = static_cast<int>(jobless_.integer(5)),
                     .deadline = jobless_.optional_time(6)});
  }
  return found;
}

}  // namespace squid_mesh::storage::sqlite
