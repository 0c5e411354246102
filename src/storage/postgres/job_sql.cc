#include "storage/postgres/job_sql.h"

#include "model/run_job.h"
#include "storage/postgres/run_sql.h"
#include "storage/postgres/sql_text.h"

#include <squid_mesh/json.hpp>

#include <array>
#include <stdexcept>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

/// The columns that read_job wants, in its order. `errors` is jsonb[] in Oban's own tables, and jsonb in those that
/// Oban for Python makes.
std::string job_columns(std::string_view alias) {
  constexpr std::string_view columns =
      "{j}.id, {j}.state::text, {j}.queue, {j}.worker, {j}.args::text, coalesce({j}.meta, '{}')::text,"
      " coalesce(to_json({j}.tags), '[]')::text, to_json({j}.errors)::text,"
      " coalesce(to_json({j}.attempted_by), '[]')::text, {holder}, {j}.attempt, {j}.max_attempts, {j}.priority,"
      " {j}.inserted_at, {j}.scheduled_at, {j}.attempted_at, {j}.completed_at, {j}.discarded_at, {j}.cancelled_at";
  return fill_in(fill_in(std::string(columns), "{holder}", holder_of(alias)), "{j}", alias);
}
constexpr int job_column_count = 19;

job_row read_job(const rows& found, int row) {
  const auto text = [&](int column) { return std::string(found.text(row, column)); };
  const auto number = [&](int column) { return static_cast<int>(found.integer(row, column)); };
  const auto state = jobs::parse_state(text(1));
  if (!state) throw std::runtime_error("a job has the unknown state \"" + text(1) + "\"");
  return {.id = {found.integer(row, 0)},
          .state = *state,
          .queue = text(2),
          .worker = text(3),
          .args = text(4),
          .meta = text(5),
          .tags = text(6),
          .errors = text(7),
          .attempted_by = text(8),
          .holder = text(9),
          .attempt = number(10),
          .max_attempts = number(11),
          .priority = number(12),
          .inserted_at = found.time(row, 13),
          .scheduled_at = found.time(row, 14),
          .attempted_at = found.optional_time(row, 15),
          .completed_at = found.optional_time(row, 16),
          .discarded_at = found.optional_time(row, 17),
          .cancelled_at = found.optional_time(row, 18)};
}

// The index is ordered by state, queue and priority before the time: asked for each of them, what is wanted is one
// seek away, however many jobs there are. Priorities beyond 9 don't exist: every client validates them. The state is
// looked up, not said: of a state that the statistics know no job of, which is usual, the planner would expect one row,
// and take any index on the state and sort all that there are by then.
constexpr std::string_view priorities = "generate_series(0, 9) AS p(priority)";

// A transaction of its own, and only rows that nobody holds: an Elixir node that stages the same rows would otherwise
// wait for us, and then make rows available that are executing by then. The first available job is asked for in the
// order of the index: a bare EXISTS would be planned as a look at all of them.
constexpr std::string_view stage_sql = R"sql(
WITH due AS MATERIALIZED (
  SELECT d.id
  FROM unnest($1::text[]) AS q(queue)
  CROSS JOIN unnest(ARRAY['scheduled', 'retryable']::@oban_job_state[]) AS s(state)
  CROSS JOIN {priorities}
  CROSS JOIN LATERAL (
    SELECT id FROM @oban_jobs AS j
    WHERE j.state = s.state AND j.queue = q.queue AND j.priority = p.priority AND j.scheduled_at <= $2::timestamp
    ORDER BY j.scheduled_at, j.id LIMIT 5000 FOR UPDATE SKIP LOCKED) AS d
  LIMIT 5000),
staged AS (
  UPDATE @oban_jobs AS j SET state = 'available' FROM due WHERE j.id = due.id RETURNING j.queue)
SELECT (SELECT coalesce(json_agg(q.queue), '[]')::text FROM unnest($1::text[]) AS q(queue)
        WHERE q.queue IN (SELECT queue FROM staged)
           OR (SELECT true FROM @oban_jobs AS j
               WHERE j.state = (SELECT 'available'::@oban_job_state) AND j.queue = q.queue
               ORDER BY j.priority, j.scheduled_at, j.id LIMIT 1)),
       (SELECT min(n.scheduled_at)
        FROM unnest($1::text[]) AS q(queue)
        CROSS JOIN unnest(ARRAY['scheduled', 'retryable']::@oban_job_state[]) AS s(state)
        CROSS JOIN {priorities}
        CROSS JOIN LATERAL (
          SELECT scheduled_at FROM @oban_jobs AS j
          WHERE j.state = s.state AND j.queue = q.queue AND j.priority = p.priority AND j.scheduled_at > $2::timestamp
          ORDER BY j.scheduled_at LIMIT 1) AS n))sql";

// Who counts a queue's executing jobs must be alone in it until what it claims can be counted.
constexpr std::string_view lock_queues_sql = R"sql(
SELECT pg_advisory_xact_lock(hashtextextended('@oban_jobs' || queue, 7346)) FROM (
  SELECT queue FROM unnest($1::text[]) AS q(queue) ORDER BY queue) AS ordered)sql";

// In use is what a living node executes. Where no limit holds for all nodes together, nothing is counted.
// The journal that comes along is read as of the statement's beginning, but what is locked is the job as it is now. In
// between, others may have had the job and given it back, and said something that the journal lacks. So only the very
// version is taken that the statement saw; the next claim brings the others.
constexpr std::string_view claim_sql = R"sql(
WITH wanted AS MATERIALIZED (
  SELECT q.queue, CASE WHEN q.everywhere IS NULL THEN q.demand ELSE greatest(0, least(q.demand, q.everywhere - (
           SELECT count(*) FROM @oban_jobs AS j
           WHERE j.state = 'executing' AND j.queue = q.queue
             AND EXISTS (SELECT FROM @squid_mesh_nodes AS n
                         WHERE n.id = j.attempted_by[2] AND n.expires_at > $5::timestamptz)))) END AS demand
  FROM unnest($1::text[], $2::int4[], $3::int4[]) AS q(queue, demand, everywhere)
  WHERE NOT EXISTS (SELECT FROM @squid_mesh_paused_queues AS p WHERE p.queue = q.queue)),
subset AS MATERIALIZED (
  SELECT a.id, a.version FROM wanted AS w
  CROSS JOIN LATERAL (
    SELECT id, xmin AS version FROM @oban_jobs AS j
    WHERE j.state = (SELECT 'available'::@oban_job_state) AND j.queue = w.queue AND j.attempt < j.max_attempts
    ORDER BY j.priority, j.scheduled_at, j.id LIMIT w.demand FOR UPDATE SKIP LOCKED) AS a),
taken AS (
  UPDATE @oban_jobs AS j
  SET state = 'executing', attempted_at = $5::timestamptz AT TIME ZONE 'UTC', attempt = j.attempt + 1,
      attempted_by = ARRAY(SELECT jsonb_array_elements_text($4::text::jsonb))
  FROM subset WHERE j.id = subset.id AND j.xmin = subset.version AND j.attempt < j.max_attempts
  RETURNING j.*)
SELECT {taken} ORDER BY t.priority, t.scheduled_at, t.id)sql";

constexpr std::string_view find_orphans_sql = R"sql(
WITH taken AS MATERIALIZED (
  SELECT j.* FROM @oban_jobs AS j
  WHERE j.state = 'executing' AND j.queue = ANY ($1::text[])
    AND NOT EXISTS (SELECT FROM @squid_mesh_nodes AS n
                    WHERE n.id = j.attempted_by[2] AND n.expires_at > $2::timestamptz)
  LIMIT $3)
SELECT {taken} ORDER BY t.id)sql";

constexpr std::string_view find_claimed_sql = R"sql(
WITH taken AS MATERIALIZED (
  SELECT j.* FROM @oban_jobs AS j
  WHERE j.state = 'executing' AND j.queue = ANY ($1::text[])
    AND j.attempted_by = ARRAY(SELECT jsonb_array_elements_text($2::text::jsonb)))
SELECT {taken} ORDER BY t.id)sql";

// No job ends before it is scheduled, so the index narrows it down, and the second condition makes it right.
constexpr std::string_view prune_sql = R"sql(
DELETE FROM @oban_jobs WHERE id = ANY (ARRAY(
  SELECT d.id
  FROM unnest($1::text[]) AS q(queue)
  CROSS JOIN unnest(ARRAY['completed', 'discarded', 'cancelled']::@oban_job_state[]) AS s(state)
  CROSS JOIN {priorities}
  CROSS JOIN LATERAL (
    SELECT id FROM @oban_jobs AS j
    WHERE j.state = s.state AND j.queue = q.queue AND j.priority = p.priority AND j.scheduled_at < $2::timestamp
      AND coalesce(j.completed_at, j.discarded_at, j.cancelled_at) < $2::timestamp
    LIMIT $3 FOR UPDATE SKIP LOCKED) AS d
  LIMIT $3)))sql";

// A dead node that still holds jobs is kept: it says whose they are.
constexpr std::string_view beat_sql = R"sql(
WITH forgotten AS (
  DELETE FROM @squid_mesh_nodes AS n
  WHERE n.expires_at < $6::timestamptz AND n.id <> $1::text
    AND NOT EXISTS (SELECT FROM @oban_jobs AS j WHERE j.state = 'executing' AND j.attempted_by[2] = n.id))
INSERT INTO @squid_mesh_nodes (id, name, started_at, beat_at, expires_at, queues)
VALUES ($1::text, $2::text, $3::timestamptz, $3::timestamptz, $4::timestamptz, $5::text)
ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, expires_at = excluded.expires_at
RETURNING clock_timestamp())sql";

constexpr std::string_view cancel_sql = R"sql(
UPDATE @oban_jobs SET state = 'cancelled', cancelled_at = $2::timestamp
WHERE id = $1::int8 AND state NOT IN ('completed', 'discarded', 'cancelled'))sql";

constexpr std::string_view retry_sql = R"sql(
UPDATE @oban_jobs
SET state = 'available', max_attempts = greatest(max_attempts, attempt + 1), scheduled_at = $2::timestamp,
    completed_at = NULL, cancelled_at = NULL, discarded_at = NULL
WHERE id = $1::int8 AND state NOT IN ('available', 'executing'))sql";

constexpr std::string_view not_executing_sql = R"sql(
SELECT i.id FROM unnest($1::int8[]) AS i(id)
WHERE NOT EXISTS (SELECT FROM @oban_jobs AS j WHERE j.id = i.id AND j.state = 'executing'))sql";

// A run's job is found by what its args say, as its worker does: nothing leads from a job to its run.
constexpr std::string_view being_cancelled_sql = R"sql(
SELECT j.id FROM @oban_jobs AS j JOIN @squid_mesh_runs AS r ON r.id = {run}
WHERE j.id = ANY ($1::int8[]) AND (r.status = 'cancelling' OR r.ended_at IS NOT NULL))sql";

// As an array the ids are looked up one by one, also where no statistics say how many jobs there are.
constexpr std::string_view of_run_sql = R"sql(
FROM @oban_jobs AS j
WHERE j.id = ANY (ARRAY(SELECT r.job_id FROM @squid_mesh_runs AS r WHERE r.id = $1::uuid
                        UNION ALL SELECT b.job_id FROM @squid_mesh_branches AS b WHERE b.run_id = $1::uuid))
ORDER BY j.id)sql";

constexpr std::string_view pause_sql =
    "INSERT INTO @squid_mesh_paused_queues (queue, paused_at) VALUES ($1::text, $2::timestamptz)"
    " ON CONFLICT (queue) DO NOTHING";

/// The run of a job with this alias; NULL for other jobs. Args that somebody has edited may be anything.
std::string run_of(std::string_view alias) {
  constexpr std::string_view text =
      "CASE WHEN {j}.worker IN ('{run}', '{deadline}')"
      " AND {j}.args ->> 'run_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'"
      " THEN ({j}.args ->> 'run_id')::uuid END";
  return fill_in(fill_in(fill_in(std::string(text), "{j}", alias), "{run}", run_worker_name), "{deadline}",
                 deadline_worker_name);
}

/// Jobs called t with their runs and journals. Those that drive one branch of many only bring how long the journal is.
std::string taken_with_runs() {
  return job_columns("t") + ", " + run_columns("r") + ", " + recent_journal("r.id") +
         ", CASE WHEN t.args ->> 'step' IS NOT NULL THEN (SELECT max(e.seq) FROM @squid_mesh_events AS e"
         " WHERE e.run_id = " +
         run_of("t") + ") END" + "\nFROM taken AS t LEFT JOIN @squid_mesh_runs AS r ON r.id = " + run_of("t") +
         " AND (t.worker = '" + deadline_worker_name + "' OR t.args ->> 'step' IS NULL) " + joined_snapshot("r.id");
}

statement spelled(const schema& tables, std::string_view text) {
  return statement(
      tables.spell(fill_in(fill_in(std::string(text), "{priorities}", priorities), "{taken}", taken_with_runs())));
}

}  // namespace

std::string holder_of(std::string_view alias) {
  return fill_in(
      "(coalesce(array_to_string({j}.attempted_by, ' '), '') || ' ' ||"
      " coalesce(to_char({j}.attempted_at, 'YYYY-MM-DD HH24:MI:SS.US'), ''))",
      "{j}", alias);
}

job_statements::job_statements(const schema& tables)
    : stage(spelled(tables, stage_sql)),
      lock_queues(spelled(tables, lock_queues_sql)),
      claim(spelled(tables, claim_sql)),
      find_orphans(spelled(tables, find_orphans_sql)),
      find_claimed(spelled(tables, find_claimed_sql)),
      prune(spelled(tables, prune_sql)),
      beat(spelled(tables, beat_sql)),
      remove_node(spelled(tables, "DELETE FROM @squid_mesh_nodes WHERE id = $1::text")),
      find(spelled(tables, "SELECT " + job_columns("j") + " FROM @oban_jobs AS j WHERE j.id = $1::int8")),
      cancel(spelled(tables, cancel_sql)),
      retry(spelled(tables, retry_sql)),
      not_executing(spelled(tables, not_executing_sql)),
      being_cancelled(spelled(tables, fill_in(std::string(being_cancelled_sql), "{run}", run_of("j")))),
      of_run(spelled(tables, "SELECT " + job_columns("j") + std::string(of_run_sql))),
      pause(spelled(tables, pause_sql)),
      resume(spelled(tables, "DELETE FROM @squid_mesh_paused_queues WHERE queue = $1::text")) {}

std::optional<job_row> find_job(connection& database, const job_statements& jobs, job_id id) {
  const rows found = database.run(jobs.find, std::move(parameters().add(id.value)));
  return found.size() == 0 ? std::nullopt : std::optional(read_job(found, 0));
}

std::vector<job_row> read_jobs(const rows& found) {
  std::vector<job_row> jobs;
  jobs.reserve(static_cast<std::size_t>(found.size()));
  for (int row = 0; row < found.size(); ++row) jobs.push_back(read_job(found, row));
  return jobs;
}

std::vector<job_id> ids_among(connection& database, const statement& sql, std::span<const job_id> ids) {
  array asked(element::bigint);
  for (const job_id id : ids) asked.push(id.value);
  const rows rows_found = database.run(sql, std::move(parameters().add_bytes(asked.take())));
  std::vector<job_id> found;
  found.reserve(static_cast<std::size_t>(rows_found.size()));
  for (int row = 0; row < rows_found.size(); ++row) found.push_back({rows_found.integer(row, 0)});
  return found;
}

std::vector<job_row> list_jobs(connection& database, const schema& tables, const jobs::job_filter& filter) {
  parameters values;
  int at = 0;
  std::string sql = "SELECT " + job_columns("j") + " FROM @oban_jobs AS j WHERE true";
  if (!filter.queue.empty()) {
    sql += " AND j.queue = $" + std::to_string(++at) + "::text";
    values.add(filter.queue);
  }
  if (!filter.worker.empty()) {
    sql += " AND j.worker = $" + std::to_string(++at) + "::text";
    values.add(filter.worker);
  }
  if (!filter.states.empty()) {
    sql += " AND j.state = ANY ($" + std::to_string(++at) + "::text[]::@oban_job_state[])";
    array states(element::text);
    for (const jobs::state state : filter.states) states.push(jobs::to_string(state));
    values.add_bytes(states.take());
  }
  sql += " ORDER BY j.id DESC LIMIT $" + std::to_string(++at) + "::int8";
  values.add(filter.limit);
  return read_jobs(database.run(statement(tables.spell(sql)), std::move(values)));
}

std::vector<claimed_job> read_claimed(const rows& found) {
  std::vector<claimed_job> claimed;
  for (int row = 0; row < found.size(); ++row) {
    claimed_job next{.job = read_job(found, row), .run = std::nullopt};
    if (!found.is_null(row, job_column_count)) {
      next.run = read_journal(found, row, job_column_count);
      run_status& shown = next.run->run.shown_status;
      if (shown == run_status::pending || shown == run_status::retrying) shown = run_status::running;
    }
    const int length = job_column_count + run_column_count + journal_column_count;
    if (!found.is_null(row, length)) next.last_seq = found.integer(row, length);
    claimed.push_back(std::move(next));
  }
  return claimed;
}

}  // namespace squid_mesh::storage::postgres
