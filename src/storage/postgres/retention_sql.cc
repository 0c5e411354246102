#include "storage/postgres/retention_sql.h"

#include "storage/postgres/sql_text.h"

#include <string_view>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

constexpr std::string_view is_among_ended = "r.ended_at IS NOT NULL AND r.imported_at IS NULL";

// One seek for each workflow, however many runs it has.
constexpr std::string_view workflows_sql = R"sql(
WITH RECURSIVE each (workflow) AS (
  (SELECT r.workflow FROM @squid_mesh_runs AS r WHERE {ended} ORDER BY r.workflow LIMIT 1)
  UNION ALL
  SELECT (SELECT r.workflow FROM @squid_mesh_runs AS r
          WHERE r.workflow > each.workflow AND {ended} ORDER BY r.workflow LIMIT 1)
  FROM each WHERE each.workflow IS NOT NULL)
SELECT workflow FROM each WHERE workflow IS NOT NULL)sql";

// Each status has its runs in the order of the index, so that a batch reads no more than itself.
constexpr std::string_view range_sql = R"sql(
SELECT f.id, f.ended_at
FROM unnest($2::text[]) AS s(status)
CROSS JOIN LATERAL (
  SELECT r.id, r.ended_at FROM @squid_mesh_runs AS r
  WHERE r.workflow = $1::text AND r.status = s.status AND {ended}
    AND (r.ended_at, r.id) > ($3::timestamptz, $4::uuid) AND (r.ended_at, r.id) <= ($5::timestamptz, $6::uuid)
  ORDER BY r.ended_at {way}, r.id {way} LIMIT {each}) AS f
ORDER BY f.ended_at {way}, f.id {way} {all})sql";

// Not one whose parent may still ask what became of it.
// In the order of the runs, so that two who delete don't wait for each other; and nobody is waited for. What a run's
// row says is looked at again under its lock. In this form an index of ended runs is no way in, but the run's id alone.
constexpr std::string_view ended_sql = R"sql(
  SELECT l.id, l.job_id
  FROM (SELECT id, ended_at FROM unnest($1::uuid[], $2::timestamptz[]) AS u(id, ended_at) ORDER BY id) AS w
  CROSS JOIN LATERAL (
    SELECT r.id, r.job_id FROM @squid_mesh_runs AS r
    WHERE r.id = w.id AND (r.ended_at = w.ended_at AND r.imported_at IS NULL) IS TRUE
      AND NOT EXISTS (SELECT FROM @squid_mesh_runs AS p WHERE p.id = r.parent_id AND p.ended_at IS NULL)
    FOR UPDATE OF r SKIP LOCKED) AS l)sql";

constexpr std::string_view imported_sql = R"sql(
  SELECT r.id, r.job_id FROM @squid_mesh_runs AS r WHERE r.id = $1::uuid AND r.imported_at IS NOT NULL FOR UPDATE OF r)sql";

// Keys in arrays, not joins: however small the tables were when the plan was made, it looks rows up by their keys.
constexpr std::string_view remove_sql = R"sql(
WITH doomed AS MATERIALIZED ({doomed}),
branches AS (
  DELETE FROM @squid_mesh_branches AS b WHERE b.run_id = ANY (ARRAY(SELECT id FROM doomed)) RETURNING b.job_id),
facts AS (
  DELETE FROM @squid_mesh_events AS e WHERE e.run_id = ANY (ARRAY(SELECT id FROM doomed))),
snapshots AS (
  DELETE FROM @squid_mesh_snapshots AS k WHERE k.run_id = ANY (ARRAY(SELECT id FROM doomed))),
spent AS MATERIALIZED (
  SELECT j.id FROM @oban_jobs AS j
  WHERE j.id = ANY (ARRAY(SELECT job_id FROM doomed UNION ALL SELECT job_id FROM branches))
    AND (j.state IN ('completed', 'discarded', 'cancelled')) IS TRUE
  ORDER BY j.id FOR UPDATE OF j SKIP LOCKED),
jobs AS (
  DELETE FROM @oban_jobs AS j WHERE j.id = ANY (ARRAY(SELECT id FROM spent)))
DELETE FROM @squid_mesh_runs AS r WHERE r.id = ANY (ARRAY(SELECT id FROM doomed)) RETURNING r.id)sql";

// What a late writer has left of a run that is gone.
constexpr std::string_view clear_sql = R"sql(
WITH snapshot AS (
  DELETE FROM @squid_mesh_snapshots AS k
  WHERE k.run_id = $1::uuid AND NOT EXISTS (SELECT FROM @squid_mesh_runs AS r WHERE r.id = $1::uuid))
DELETE FROM @squid_mesh_events AS e
WHERE e.run_id = $1::uuid AND NOT EXISTS (SELECT FROM @squid_mesh_runs AS r WHERE r.id = $1::uuid))sql";

constexpr std::string_view insert_run_sql = R"sql(
WITH made AS (
  INSERT INTO @squid_mesh_runs (id, workflow, definition, trigger_name, payload, started_at, queue, priority, start_key,
                                deadline, origin, status, ended_at, imported_at, routes, parent_id)
  VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::text::json, $6::timestamptz, $7::text, $8::int4,
          nullif($9::text, ''), $10::timestamptz, nullif($11::text, '')::json, $12::text, $13::timestamptz,
          $14::timestamptz, nullif($15::text, '')::json, $23::uuid)
  ON CONFLICT (id) DO NOTHING
  RETURNING id),
facts AS (
  INSERT INTO @squid_mesh_events (run_id, seq, kind, step, at, started_at, node, data)
  SELECT m.id, f.seq, f.kind, f.step, f.at, f.started_at, f.node, nullif(f.data, '')::json
  FROM made AS m CROSS JOIN unnest($16::int8[], $17::text[], $18::text[], $19::timestamptz[], $20::timestamptz[],
                                   $21::text[], $22::text[]) AS f(seq, kind, step, at, started_at, node, data))
SELECT id FROM made)sql";

std::string spelled(const schema& tables, std::string_view text) {
  return tables.spell(fill_in(std::string(text), "{ended}", is_among_ended));
}

std::string range(std::string_view way, std::string_view each, std::string_view all) {
  return fill_in(fill_in(fill_in(std::string(range_sql), "{way}", way), "{each}", each), "{all}", all);
}

std::string removal(std::string_view doomed) { return fill_in(std::string(remove_sql), "{doomed}", doomed); }

parameters range_parameters(const end_range& among) {
  array statuses(element::text);
  for (const run_status status : among.statuses) statuses.push(to_string(status));
  parameters values;
  values.add(among.workflow)
      .add_bytes(statuses.take())
      .add(among.after.ended_at)
      .add(among.after.id)
      .add(among.up_to.ended_at)
      .add(among.up_to.id);
  return values;
}

std::vector<ended_run> read_ends(const rows& found) {
  std::vector<ended_run> ends;
  ends.reserve(static_cast<std::size_t>(found.size()));
  for (int row = 0; row < found.size(); ++row) {
    ends.push_back({.id = found.id(row, 0), .ended_at = found.time(row, 1)});
  }
  return ends;
}

void add_facts(parameters& values, const std::vector<fact>& facts) {
  array seqs(element::bigint);
  array kinds(element::text);
  array steps(element::text);
  array times(element::timestamptz);
  array begun(element::timestamptz);
  array nodes(element::text);
  array data(element::text);
  for (const fact& each : facts) {
    seqs.push(each.seq);
    kinds.push(to_string(each.kind));
    steps.push(each.step);
    times.push(each.at);
    begun.push(each.started_at);
    nodes.push(each.node);
    data.push(each.data);
  }
  for (array* each : {&seqs, &kinds, &steps, &times, &begun, &nodes, &data}) values.add_bytes(each->take());
}

}  // namespace

retention_statements::retention_statements(const schema& tables)
    : workflows(spelled(tables, workflows_sql)),
      last_but(spelled(tables, range("DESC", "$7::int8 + 1", "OFFSET $7::int8 LIMIT 1"))),
      find(spelled(tables, range("ASC", "$7::int8", "LIMIT $7::int8"))),
      remove_ended(spelled(tables, removal(ended_sql))),
      remove_imported(spelled(tables, removal(imported_sql))),
      clear(spelled(tables, clear_sql)),
      insert_run(spelled(tables, insert_run_sql)) {}

std::vector<std::string> workflows_with_ends(connection& database, const retention_statements& sql) {
  const rows found = database.run(sql.workflows);
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(found.size()));
  for (int row = 0; row < found.size(); ++row) names.emplace_back(found.text(row, 0));
  return names;
}

std::optional<ended_run> find_end(connection& database, const retention_statements& sql, const end_range& among,
                                  std::size_t newer) {
  parameters values = range_parameters(among);
  values.add(newer);
  const auto found = read_ends(database.run(sql.last_but, std::move(values)));
  return found.empty() ? std::nullopt : std::optional(found.front());
}

std::vector<ended_run> find_ended(connection& database, const retention_statements& sql, const end_range& among,
                                  std::size_t limit) {
  parameters values = range_parameters(among);
  values.add(limit);
  return read_ends(database.run(sql.find, std::move(values)));
}

std::vector<run_id> delete_ended(connection& database, const retention_statements& sql,
                                 std::span<const ended_run> runs) {
  array ids(element::uuid);
  array ends(element::timestamptz);
  for (const ended_run& each : runs) {
    ids.push(each.id);
    ends.push(each.ended_at);
  }
  parameters values;
  values.add_bytes(ids.take()).add_bytes(ends.take());
  const rows found = database.run(sql.remove_ended, std::move(values));
  std::vector<run_id> gone;
  gone.reserve(static_cast<std::size_t>(found.size()));
  for (int row = 0; row < found.size(); ++row) gone.push_back(found.id(row, 0));
  return gone;
}

bool import_run(connection& database, const retention_statements& sql, const run_statements& runs,
                const run_import& what, time_point now) {
  const run_record& run = what.history.run;
  std::vector<request> requests(3);
  requests[0] = {.sql = &runs.put_definition, .values = {}, .ends_transaction = false};
  requests[0]
      .values.add(run.definition)
      .add(what.definition_name)
      .add(what.definition_version)
      .add(what.definition_document)
      .add(now);
  requests[1] = {.sql = &sql.clear, .values = {}, .ends_transaction = false};
  requests[1].values.add(run.id);
  requests[2] = {.sql = &sql.insert_run};
  requests[2]
      .values.add(run.id)
      .add(run.workflow)
      .add(run.definition)
      .add(run.trigger)
      .add(run.payload)
      .add(run.started_at)
      .add(run.queue)
      .add(std::int32_t{run.priority})
      .add(run.start_key)
      .add(run.deadline)
      .add(run.origin)
      .add(to_string(run.status))
      .add(run.ended_at)
      .add(run.imported_at)
      .add(run.routes);
  add_facts(requests[2].values, what.history.facts);
  requests[2].values.add(run.parent);
  return database.run(requests).back().value().size() == 1;
}

bool delete_imported(connection& database, const retention_statements& sql, const run_id& id) {
  return database.run(sql.remove_imported, std::move(parameters().add(id))).size() == 1;
}

}  // namespace squid_mesh::storage::postgres
