#include "storage/sqlite/overview_sql.h"

#include "base/time_text.h"
#include "storage/queue_count.h"

#include <string>

namespace squid_mesh::storage::sqlite {
namespace {

constexpr named_sql definitions_sql{"list_definitions", R"sql(
  SELECT fingerprint, name, version, inserted_at FROM squid_mesh_definitions
  WHERE ?1 = '' OR name = ?1 ORDER BY name, inserted_at DESC, fingerprint)sql"};

constexpr named_sql nodes_sql{"list_nodes", R"sql(
  SELECT name, id, started_at, beat_at, expires_at FROM squid_mesh_nodes ORDER BY beat_at DESC, id)sql"};

// What has ended is most of all jobs, and isn't looked at.
constexpr named_sql queues_sql{"list_queues", R"sql(
  SELECT queue, state, count(*), min(scheduled_at) FROM oban_jobs
  WHERE state IN ('available', 'scheduled', 'executing', 'retryable') GROUP BY queue, state)sql"};

constexpr named_sql paused_sql{"list_paused_queues", "SELECT queue FROM squid_mesh_paused_queues"};

constexpr named_sql live_runs_sql{"count_live_runs", R"sql(
  SELECT status, count(*) FROM squid_mesh_runs
  WHERE status IN ('pending', 'running', 'retrying', 'paused', 'cancelling') AND imported_at IS NULL
  GROUP BY status)sql"};

}  // namespace

std::map<run_status, std::size_t> overview_reader::live_runs() {
  std::map<run_status, std::size_t> counts;
  statement query(database_, live_runs_sql);
  while (query.next()) {
    if (const auto status = parse_run_status(query.text(0)))
      counts[*status] = static_cast<std::size_t>(query.integer(1));
  }
  return counts;
}

std::vector<definition_record> overview_reader::definitions(std::string_view name) {
  statement query(database_, definitions_sql);
  query.bind(1, name);
  std::vector<definition_record> found;
  while (query.next()) {
    found.push_back({.fingerprint = std::string(query.text(0)),
                     .name = std::string(query.text(1)),
                     .version = std::string(query.text(2)),
                     .added_at = query.time(3)});
  }
  return found;
}

std::vector<node_record> overview_reader::nodes() {
  statement query(database_, nodes_sql);
  std::vector<node_record> found;
  while (query.next()) {
    found.push_back({.node = {.name = std::string(query.text(0)), .id = std::string(query.text(1))},
                     .started_at = query.time(2),
                     .beat_at = query.time(3),
                     .expires_at = query.time(4)});
  }
  return found;
}

std::vector<queue_record> overview_reader::queues() {
  queue_counts counts;
  statement query(database_, queues_sql);
  while (query.next()) {
    const auto state = jobs::parse_state(query.text(1));
    const auto first = parse_time(query.text(3));
    if (state)
      counts.add(query.text(0), *state, static_cast<std::size_t>(query.integer(2)), first.value_or(time_point{}));
  }
  statement paused(database_, paused_sql);
  while (paused.next()) counts.add_paused(paused.text(0));
  return counts.all();
}

}  // namespace squid_mesh::storage::sqlite
