#include "storage/sqlite/retention_sql.h"

#include "storage/sqlite/ids.h"

#include <algorithm>
#include <array>
#include <utility>

namespace squid_mesh::storage::sqlite {
namespace {

// One seek for each workflow, however many runs it has.
constexpr named_sql workflows_sql{"workflows_with_ends", R"sql(
  WITH RECURSIVE each (workflow) AS (
    SELECT min(workflow) FROM squid_mesh_runs WHERE ended_at IS NOT NULL AND imported_at IS NULL
    UNION ALL
    SELECT (SELECT min(r.workflow) FROM squid_mesh_runs r
            WHERE r.workflow > each.workflow AND r.ended_at IS NOT NULL AND r.imported_at IS NULL)
    FROM each WHERE each.workflow IS NOT NULL)
  SELECT workflow FROM each WHERE workflow IS NOT NULL)sql"};

constexpr named_sql last_but_sql{"find_end", R"sql(
  SELECT id, ended_at FROM squid_mesh_runs
  WHERE workflow = ?1 AND status IN (?2, ?3, ?4) AND ended_at IS NOT NULL AND imported_at IS NULL
    AND (ended_at, id) > (?5, ?6) AND (ended_at, id) <= (?7, ?8)
  ORDER BY ended_at DESC, id DESC LIMIT 1 OFFSET ?9)sql"};

// For one status, so that the index has them in order, and a batch reads no more than itself.
constexpr named_sql find_sql{"find_ended", R"sql(
  SELECT id, ended_at FROM squid_mesh_runs
  WHERE workflow = ?1 AND status = ?2 AND ended_at IS NOT NULL AND imported_at IS NULL
    AND (ended_at, id) > (?3, ?4) AND (ended_at, id) <= (?5, ?6)
  ORDER BY ended_at, id LIMIT ?7)sql"};

// Not one whose parent may still ask what became of it.
constexpr named_sql is_ended_sql{"has_run_ended", R"sql(
  SELECT 1 FROM squid_mesh_runs r WHERE id = ?1 AND ended_at = ?2 AND imported_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM squid_mesh_runs p WHERE p.id = r.parent_id AND p.ended_at IS NULL))sql"};

constexpr named_sql is_imported_sql{"is_run_imported",
                                    "SELECT 1 FROM squid_mesh_runs WHERE id = ?1 AND imported_at IS NOT NULL"};

constexpr named_sql remove_jobs_sql{"remove_jobs_of_run", R"sql(
  DELETE FROM oban_jobs
  WHERE id IN (SELECT job_id FROM squid_mesh_runs WHERE id = ?1
               UNION ALL SELECT job_id FROM squid_mesh_branches WHERE run_id = ?1)
    AND state IN ('completed', 'discarded', 'cancelled'))sql"};

constexpr named_sql remove_branches_sql{"remove_branches_of_run", "DELETE FROM squid_mesh_branches WHERE run_id = ?1"};
constexpr named_sql remove_facts_sql{"remove_facts_of_run", "DELETE FROM squid_mesh_events WHERE run_id = ?1"};
constexpr named_sql remove_snapshot_sql{"remove_snapshot_of_run", "DELETE FROM squid_mesh_snapshots WHERE run_id = ?1"};
constexpr named_sql remove_run_sql{"remove_run", "DELETE FROM squid_mesh_runs WHERE id = ?1"};

constexpr named_sql insert_sql{"import_run", R"sql(
  INSERT INTO squid_mesh_runs (id, workflow, definition, trigger_name, payload, started_at, queue, priority, start_key,
                               deadline, origin, status, ended_at, imported_at, routes, parent_id)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, nullif(?9, ''), ?10, nullif(?11, ''), ?12, ?13, ?14, nullif(?15, ''),
          ?16))sql"};

ended_run read_end(const statement& row) { return {.id = to_run_id(row.blob(0)), .ended_at = row.time(1)}; }

bool ends_before(const ended_run& a, const ended_run& b) {
  return std::pair(a.ended_at, a.id) < std::pair(b.ended_at, b.id);
}

}  // namespace

end_reader::end_reader(connection& database)
    : workflows_(database, workflows_sql), last_but_(database, last_but_sql), find_(database, find_sql) {}

std::vector<std::string> end_reader::workflows() {
  std::vector<std::string> found;
  while (workflows_.next()) found.emplace_back(workflows_.text(0));
  return found;
}

std::optional<ended_run> end_reader::find_last_but(const end_range& among, std::size_t newer) {
  if (among.statuses.empty()) return std::nullopt;
  last_but_.bind(1, among.workflow);
  // There are three, of which one may be asked for more than once.
  for (std::size_t i = 0; i < 3; ++i) {
    last_but_.bind(static_cast<int>(2 + i), to_string(among.statuses[std::min(i, among.statuses.size() - 1)]));
  }
  last_but_.bind(5, among.after.ended_at)
      .bind(6, blob_of(among.after.id))
      .bind(7, among.up_to.ended_at)
      .bind(8, blob_of(among.up_to.id))
      .bind(9, newer);
  std::optional<ended_run> found;
  if (last_but_.next()) found = read_end(last_but_);
  last_but_.reset();
  return found;
}

std::vector<ended_run> end_reader::find(const end_range& among, std::size_t limit) {
  std::vector<ended_run> found;
  for (const run_status status : among.statuses) {
    find_.bind(1, among.workflow)
        .bind(2, to_string(status))
        .bind(3, among.after.ended_at)
        .bind(4, blob_of(among.after.id))
        .bind(5, among.up_to.ended_at)
        .bind(6, blob_of(among.up_to.id))
        .bind(7, limit);
    while (find_.next()) found.push_back(read_end(find_));
  }
  std::ranges::sort(found, ends_before);
  if (found.size() > limit) found.resize(limit);
  return found;
}

retention_writer::retention_writer(connection& database)
    : is_ended_(database, is_ended_sql),
      is_imported_(database, is_imported_sql),
      remove_jobs_(database, remove_jobs_sql),
      remove_branches_(database, remove_branches_sql),
      remove_facts_(database, remove_facts_sql),
      remove_snapshot_(database, remove_snapshot_sql),
      remove_run_(database, remove_run_sql),
      insert_(database, insert_sql) {}

bool retention_writer::remove_ended(const ended_run& which) {
  const bool is_there = is_ended_.bind(1, blob_of(which.id)).bind(2, which.ended_at).next();
  is_ended_.reset();
  if (is_there) remove(which.id);
  return is_there;
}

bool retention_writer::remove_imported(const run_id& id) {
  const bool is_there = is_imported_.bind(1, blob_of(id)).next();
  is_imported_.reset();
  if (is_there) remove(id);
  return is_there;
}

void retention_writer::remove(const run_id& id) {
  for (statement* each : {&remove_jobs_, &remove_branches_, &remove_facts_, &remove_snapshot_, &remove_run_}) {
    each->bind(1, blob_of(id)).run();
  }
}

void retention_writer::insert(const journal& imported) {
  const run_record& run = imported.run;
  remove_facts_.bind(1, blob_of(run.id)).run();
  insert_.bind(1, blob_of(run.id))
      .bind(2, run.workflow)
      .bind(3, run.definition)
      .bind(4, run.trigger)
      .bind(5, run.payload)
      .bind(6, run.started_at)
      .bind(7, run.queue)
      .bind(8, run.priority)
      .bind(9, run.start_key)
      .bind(10, run.deadline)
      .bind(11, run.origin)
      .bind(12, to_string(run.status))
      .bind(13, run.ended_at)
      .bind(14, run.imported_at)
      .bind(15, run.routes)
      .bind(16, run.parent ? std::optional(blob_of(*run.parent)) : std::nullopt)
      .run();
}

}  // namespace squid_mesh::storage::sqlite
