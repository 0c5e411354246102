#include "storage/postgres/run_sql.h"

#include "base/uuid_v7.h"

#include <squid_mesh/json.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

constexpr std::string_view put_definition_sql = R"sql(
INSERT INTO @squid_mesh_definitions (fingerprint, name, version, document, inserted_at)
VALUES ($1::text, $2::text, $3::text, $4::text::json, $5::timestamptz)
ON CONFLICT (fingerprint) DO NOTHING)sql";

/// A run's own columns with the status that people should see, which the view knows.
constexpr std::string_view shown_run_columns =
    "v.id, v.workflow, v.definition, v.trigger_name, v.payload::text, v.started_at, v.job_id, v.stored_status,"
    " v.status, v.ended_at, v.queue, v.priority, v.start_key, v.deadline, v.origin::text, v.parent_id,"
    " v.imported_at, v.routes::text";

/// A name that this library has never written is a database that it must not touch.
template <class T>
T known(std::optional<T> parsed, std::string_view name) {
  if (!parsed) throw std::runtime_error("the database holds the unknown name \"" + std::string(name) + "\"");
  return *parsed;
}

std::optional<time_point> time_from(const json& microseconds_or_null) {
  if (microseconds_or_null.is_null()) return std::nullopt;
  return time_point(microseconds(microseconds_or_null.get<std::int64_t>()));
}

fact read_fact(const json& parts) {
  const auto& kind = parts.at(1).get_ref<const std::string&>();
  return {.seq = parts.at(0).get<std::int64_t>(),
          .kind = known(parse_fact_kind(kind), kind),
          .step = parts.at(2).get<std::string>(),
          .at = time_from(parts.at(3)).value_or(time_point{}),
          .started_at = time_from(parts.at(4)),
          .node = parts.at(5).get<std::string>(),
          .data = parts.at(6).is_null() ? std::string() : parts.at(6).get<std::string>()};
}

/// The journal of the run with this id, or those of its facts, as one column.
// Instants as microseconds, as everywhere else in the library. Kept as text, the data is not looked into.
std::string journal_of(std::string_view id, std::string_view condition = "") {
  return "(SELECT json_agg(json_build_array(e.seq, e.kind, e.step, (extract(epoch FROM e.at) * 1000000)::int8,"
         " (extract(epoch FROM e.started_at) * 1000000)::int8, e.node, e.data::text) ORDER BY e.seq)::text"
         " FROM @squid_mesh_events AS e WHERE e.run_id = " +
         std::string(id) + std::string(condition) + ")";
}

/// Reads that column.
std::vector<fact> read_facts(std::string_view column) {
  std::vector<fact> facts;
  if (column.empty()) return facts;
  for (const json& parts : json::parse(column)) facts.push_back(read_fact(parts));
  return facts;
}

}  // namespace

std::string recent_journal(std::string_view id) {
  return journal_of(id, " AND e.seq > coalesce(k.seq, 0)") + ", k.seq, k.state";
}

std::string joined_snapshot(std::string_view id) {
  return "LEFT JOIN @squid_mesh_snapshots AS k ON k.run_id = " + std::string(id);
}

std::string run_columns(std::string_view alias) {
  std::string columns;
  for (const char* name : {"id", "workflow", "definition", "trigger_name", "payload::text", "started_at", "job_id",
                           "status", "status", "ended_at", "queue", "priority", "start_key", "deadline", "origin::text",
                           "parent_id", "imported_at", "routes::text"}) {
    columns += (columns.empty() ? "" : ", ") + std::string(alias) + "." + name;
  }
  return columns;
}

run_record read_run(const rows& found, int row, int first) {
  const auto text = [&](int column) { return std::string(found.text(row, first + column)); };
  run_record run{
      .id = found.id(row, first),
      .workflow = text(1),
      .definition = text(2),
      .trigger = text(3),
      .payload = text(4),
      .started_at = found.time(row, first + 5),
      .queue = text(10),
      .priority = static_cast<int>(found.integer(row, first + 11)),
      .start_key = text(12),
      .deadline = found.optional_time(row, first + 13),
      .origin = text(14),
      .parent = found.is_null(row, first + 15) ? std::nullopt : std::optional(found.id(row, first + 15)),
      .job = found.is_null(row, first + 6) ? std::nullopt : std::optional(job_id{found.integer(row, first + 6)}),
      .status = known(parse_run_status(text(7)), text(7)),
      .shown_status = known(parse_run_status(text(8)), text(8)),
      .ended_at = found.optional_time(row, first + 9),
      .imported_at = found.optional_time(row, first + 16),
      .routes = text(17)};
  return run;
}

journal read_journal(const rows& found, int row, int first) {
  journal history{.run = read_run(found, row, first), .facts = read_facts(found.text(row, first + run_column_count))};
  const int kept = first + run_column_count + 1;
  if (!found.is_null(row, kept)) {
    history.before = snapshot{.seq = found.integer(row, kept), .text = std::string(found.text(row, kept + 1))};
  }
  return history;
}

run_statements::run_statements(const schema& tables)
    : find(tables.spell("SELECT " + std::string(shown_run_columns) +
                        " FROM @squid_mesh_run_states AS v WHERE v.id = $1::uuid")),
      read(tables.spell("SELECT " + std::string(shown_run_columns) + ", " + journal_of("v.id") +
                        ", NULL, NULL FROM @squid_mesh_run_states AS v WHERE v.id = $1::uuid")),
      read_recent(tables.spell("SELECT " + std::string(shown_run_columns) + ", " + recent_journal("v.id") +
                               " FROM @squid_mesh_run_states AS v " + joined_snapshot("v.id") +
                               " WHERE v.id = $1::uuid")),
      fact_at(tables.spell("SELECT " + journal_of("$1::uuid", " AND e.seq = $2::int8"))),
      children(tables.spell("SELECT " + std::string(shown_run_columns) +
                            " FROM @squid_mesh_run_states AS v WHERE v.parent_id = $1::uuid"
                            " ORDER BY v.id DESC LIMIT $2::int8")),
      by_start_key(tables.spell("SELECT id FROM @squid_mesh_runs"
                                " WHERE workflow = $1::text AND start_key = $2::text AND imported_at IS NULL")),
      put_definition(tables.spell(put_definition_sql)),
      get_definition(tables.spell("SELECT document::text FROM @squid_mesh_definitions WHERE fingerprint = $1::text")) {}

std::optional<run_record> find_run(connection& database, const run_statements& runs, const run_id& id) {
  const rows found = database.run(runs.find, std::move(parameters().add(id)));
  return found.size() == 0 ? std::nullopt : std::optional(read_run(found, 0, 0));
}

std::optional<journal> read_journal(connection& database, const statement& sql, const run_id& id) {
  const rows found = database.run(sql, std::move(parameters().add(id)));
  return found.size() == 0 ? std::nullopt : std::optional(read_journal(found, 0, 0));
}

std::optional<fact> fact_at(connection& database, const run_statements& runs, const run_id& id, std::int64_t seq) {
  const rows found = database.run(runs.fact_at, std::move(parameters().add(id).add(seq)));
  auto facts = read_facts(found.text(0, 0));
  return facts.empty() ? std::nullopt : std::optional(std::move(facts.front()));
}

std::vector<run_record> read_runs(const rows& found) {
  std::vector<run_record> runs;
  runs.reserve(static_cast<std::size_t>(found.size()));
  for (int row = 0; row < found.size(); ++row) runs.push_back(read_run(found, row, 0));
  return runs;
}

std::vector<run_record> list_runs(connection& database, const schema& tables, const run_filter& filter,
                                  const std::optional<run_id>& older_than) {
  parameters values;
  int at = 0;
  std::string sql = "SELECT " + std::string(shown_run_columns) + " FROM @squid_mesh_run_states AS v WHERE true";
  const auto where = [&](const char* condition, const char* type) {
    sql += std::string(" AND ") + condition + " ($" + std::to_string(++at) + "::" + type + ")";
  };
  if (older_than) {
    where("v.id <", "uuid");
    values.add(*older_than);
  }
  if (!filter.workflow.empty()) {
    where("v.workflow =", "text");
    values.add(filter.workflow);
  }
  if (filter.parent) {
    where("v.parent_id =", "uuid");
    values.add(*filter.parent);
  }
  // The ids of runs say when they began, and are in an index.
  if (filter.started_from) {
    where("v.id >=", "uuid");
    values.add(run_id{first_uuid_v7(*filter.started_from)});
    where("v.started_at >=", "timestamptz");
    values.add(*filter.started_from);
  }
  if (filter.started_before) {
    where("v.id <", "uuid");
    values.add(run_id{first_uuid_v7(*filter.started_before)});
    where("v.started_at <", "timestamptz");
    values.add(*filter.started_before);
  }
  if (!filter.statuses.empty()) {
    // Says what the partial index on the status needs to hear.
    if (std::ranges::find(filter.statuses, run_status::completed) == filter.statuses.end()) {
      sql += " AND v.stored_status <> 'completed'";
    }
    // What is stored counts first: of what is shown, the planner can't tell how common it is. They differ where a job
    // that is executed means that the run is running.
    bool may_differ = false;
    array shown(element::text);
    array stored(element::text);
    for (const run_status status : filter.statuses) {
      shown.push(to_string(status));
      stored.push(to_string(status));
      may_differ = may_differ || status == run_status::pending || status == run_status::retrying;
      if (status != run_status::running) continue;
      may_differ = true;
      for (const run_status implied : {run_status::pending, run_status::retrying}) stored.push(to_string(implied));
    }
    where("v.stored_status = ANY", "text[]");
    values.add_bytes(stored.take());
    if (may_differ) {
      where("v.status = ANY", "text[]");
      values.add_bytes(shown.take());
    }
  }
  sql += " ORDER BY v.id DESC LIMIT $" + std::to_string(++at) + "::int8";
  values.add(filter.limit);
  return read_runs(database.run(statement(tables.spell(sql)), std::move(values)));
}

std::optional<run_id> find_by_start_key(connection& database, const run_statements& runs, std::string_view workflow,
                                        std::string_view key) {
  const rows found = database.run(runs.by_start_key, std::move(parameters().add(workflow).add(key)));
  return found.size() == 0 ? std::nullopt : std::optional(found.id(0, 0));
}

}  // namespace squid_mesh::storage::postgres
