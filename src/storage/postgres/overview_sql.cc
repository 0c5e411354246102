#include "storage/postgres/overview_sql.h"

#include "storage/queue_count.h"

#include <string>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

constexpr std::string_view definitions_sql = R"sql(
SELECT fingerprint, name, version, inserted_at FROM @squid_mesh_definitions
WHERE $1::text = '' OR name = $1::text ORDER BY name, inserted_at DESC, fingerprint)sql";

constexpr std::string_view nodes_sql = R"sql(
SELECT name, id, started_at, beat_at, expires_at FROM @squid_mesh_nodes ORDER BY beat_at DESC, id)sql";

// What has ended is most of all jobs, and isn't looked at.
constexpr std::string_view queues_sql = R"sql(
SELECT queue, state::text, count(*), min(scheduled_at) FROM @oban_jobs
WHERE state IN ('available', 'scheduled', 'executing', 'retryable') GROUP BY queue, state)sql";

constexpr std::string_view live_runs_sql = R"sql(
SELECT status, count(*) FROM @squid_mesh_runs
WHERE status IN ('pending', 'running', 'retrying', 'paused', 'cancelling') AND imported_at IS NULL
GROUP BY status)sql";

}  // namespace

std::map<run_status, std::size_t> count_live_runs(connection& database, const schema& tables) {
  std::map<run_status, std::size_t> counts;
  const rows found = database.run(statement(tables.spell(live_runs_sql)), parameters());
  for (int row = 0; row < found.size(); ++row) {
    const auto status = parse_run_status(found.text(row, 0));
    if (status) counts[*status] = static_cast<std::size_t>(found.integer(row, 1));
  }
  return counts;
}

std::vector<definition_record> list_definitions(connection& database, const schema& tables, std::string_view name) {
  const rows found = database.run(statement(tables.spell(definitions_sql)), std::move(parameters().add(name)));
  std::vector<definition_record> definitions;
  definitions.reserve(static_cast<std::size_t>(found.size()));
  for (int row = 0; row < found.size(); ++row) {
    definitions.push_back({.fingerprint = std::string(found.text(row, 0)),
                           .name = std::string(found.text(row, 1)),
                           .version = std::string(found.text(row, 2)),
                           .added_at = found.time(row, 3)});
  }
  return definitions;
}

std::vector<node_record> list_nodes(connection& database, const schema& tables) {
  const rows found = database.run(statement(tables.spell(nodes_sql)), parameters());
  std::vector<node_record> nodes;
  nodes.reserve(static_cast<std::size_t>(found.size()));
  for (int row = 0; row < found.size(); ++row) {
    nodes.push_back({.node = {.name = std::string(found.text(row, 0)), .id = std::string(found.text(row, 1))},
                     .started_at = found.time(row, 2),
                     .beat_at = found.time(row, 3),
                     .expires_at = found.time(row, 4)});
  }
  return nodes;
}

std::vector<queue_record> list_queues(connection& database, const schema& tables) {
  queue_counts counts;
  const rows found = database.run(statement(tables.spell(queues_sql)), parameters());
  for (int row = 0; row < found.size(); ++row) {
    const auto state = jobs::parse_state(found.text(row, 1));
    if (!state) continue;
    counts.add(found.text(row, 0), *state, static_cast<std::size_t>(found.integer(row, 2)), found.time(row, 3));
  }
  const rows paused =
      database.run(statement(tables.spell("SELECT queue FROM @squid_mesh_paused_queues")), parameters());
  for (int row = 0; row < paused.size(); ++row) counts.add_paused(paused.text(row, 0));
  return counts.all();
}

}  // namespace squid_mesh::storage::postgres
