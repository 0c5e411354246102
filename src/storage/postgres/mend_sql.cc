#include "storage/postgres/mend_sql.h"

#include "storage/jobless.h"
#include "storage/postgres/sql_text.h"

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace squid_mesh::storage::postgres {
namespace {

constexpr std::string_view is_going_on = "r.status IN ('pending', 'running', 'retrying', 'paused', 'cancelling')";
constexpr std::string_view is_gone = "(j.id IS NULL OR j.state IN ('completed', 'discarded', 'cancelled'))";

constexpr std::string_view jobless_branches_sql = R"sql(
SELECT r.id, NULL::text, r.job_id, coalesce(j.attempt, 1) > 0, r.queue, r.priority, r.deadline
FROM @squid_mesh_runs AS r LEFT JOIN @oban_jobs AS j ON j.id = r.job_id
WHERE {going on} AND r.job_id IS NOT NULL AND {gone}
UNION ALL
SELECT r.id, b.branch, b.job_id, coalesce(j.attempt, 1) > 0, r.queue, r.priority, r.deadline
FROM @squid_mesh_branches AS b JOIN @squid_mesh_runs AS r ON r.id = b.run_id LEFT JOIN @oban_jobs AS j ON j.id = b.job_id
WHERE {going on} AND {gone}
LIMIT $1::int8)sql";

constexpr std::string_view jobless_schedules_sql = R"sql(
SELECT s.workflow, s.trigger_name, s.queue, s.job_id, s.next_at
FROM @squid_mesh_schedules AS s LEFT JOIN @oban_jobs AS j ON j.id = s.job_id
WHERE s.paused_at IS NULL AND {gone}
LIMIT $1::int8)sql";

// Rows that another node is mending at this moment are skipped, and so are those that have got another job meanwhile.
constexpr std::string_view mend_branches_sql = R"sql(
WITH wanted AS MATERIALIZED (
  SELECT w.*, nextval((SELECT pg_get_serial_sequence('@oban_jobs', 'id')::regclass)) AS id
  FROM unnest($1::uuid[], $2::text[], $3::int8[], $4::text[], $5::text[], $6::text[], $7::int4[], $8::int4[],
              $9::timestamp[]) AS w(run_id, branch, lost, queue, worker, args, priority, attempt, due)
  WHERE NOT EXISTS (SELECT FROM @oban_jobs AS j
                    WHERE j.id = w.lost AND j.state NOT IN ('completed', 'discarded', 'cancelled'))),
runs AS MATERIALIZED (
  SELECT w.id FROM wanted AS w JOIN @squid_mesh_runs AS r ON r.id = w.run_id
  WHERE w.branch IS NULL AND r.job_id = w.lost AND {going on} FOR UPDATE OF r SKIP LOCKED),
branches AS MATERIALIZED (
  SELECT w.id FROM wanted AS w JOIN @squid_mesh_branches AS b ON b.run_id = w.run_id AND b.branch = w.branch
  WHERE b.job_id = w.lost FOR UPDATE OF b SKIP LOCKED),
of_runs AS (
  UPDATE @squid_mesh_runs AS r SET job_id = w.id
  FROM wanted AS w WHERE r.id = w.run_id AND (w.id IN (SELECT id FROM runs)) IS TRUE),
of_branches AS (
  UPDATE @squid_mesh_branches AS b SET job_id = w.id
  FROM wanted AS w WHERE b.run_id = w.run_id AND b.branch = w.branch AND (w.id IN (SELECT id FROM branches)) IS TRUE),
made AS (
  INSERT INTO @oban_jobs (id, state, queue, worker, args, priority, attempt, inserted_at, scheduled_at)
  OVERRIDING SYSTEM VALUE
  SELECT id, (CASE WHEN due IS NULL THEN 'available' ELSE 'scheduled' END)::@oban_job_state, queue, worker,
         args::jsonb, priority, attempt, $10::timestamp, coalesce(due, $10::timestamp)
  FROM wanted WHERE (id IN (SELECT id FROM runs UNION ALL SELECT id FROM branches)) IS TRUE
  RETURNING id)
SELECT count(*) FROM made)sql";

constexpr std::string_view mend_schedules_sql = R"sql(
WITH wanted AS MATERIALIZED (
  SELECT w.*, nextval((SELECT pg_get_serial_sequence('@oban_jobs', 'id')::regclass)) AS id
  FROM unnest($1::text[], $2::text[], $3::int8[], $4::text[], $5::text[], $6::text[], $7::timestamp[])
       AS w(workflow, trigger_name, lost, queue, worker, args, due)
  WHERE NOT EXISTS (SELECT FROM @oban_jobs AS j
                    WHERE j.id = w.lost AND j.state NOT IN ('completed', 'discarded', 'cancelled'))),
schedules AS MATERIALIZED (
  SELECT w.id FROM wanted AS w
  JOIN @squid_mesh_schedules AS s ON s.workflow = w.workflow AND s.trigger_name = w.trigger_name
  WHERE s.job_id IS NOT DISTINCT FROM w.lost AND s.paused_at IS NULL FOR UPDATE OF s SKIP LOCKED),
of_schedules AS (
  UPDATE @squid_mesh_schedules AS s SET job_id = w.id
  FROM wanted AS w
  WHERE s.workflow = w.workflow AND s.trigger_name = w.trigger_name AND (w.id IN (SELECT id FROM schedules)) IS TRUE),
made AS (
  INSERT INTO @oban_jobs (id, state, queue, worker, args, inserted_at, scheduled_at)
  OVERRIDING SYSTEM VALUE
  SELECT id, 'scheduled', queue, worker, args::jsonb, $8::timestamp, due
  FROM wanted WHERE (id IN (SELECT id FROM schedules)) IS TRUE
  RETURNING id)
SELECT count(*) FROM made)sql";

statement spelled(const schema& tables, std::string_view text) {
  return statement(tables.spell(fill_in(fill_in(std::string(text), "{going on}", is_going_on), "{gone}", is_gone)));
}

std::vector<jobless_branch> find_branches(connection& database, const mend_statements& sql, std::size_t limit) {
  const rows found = database.run(sql.jobless_branches, std::move(parameters().add(limit)));
  std::vector<jobless_branch> branches;
  branches.reserve(static_cast<std::size_t>(found.size()));
  for (int row = 0; row < found.size(); ++row) {
    branches.push_back({.run = found.id(row, 0),
                        .name = found.is_null(row, 1) ? std::nullopt : std::optional(std::string(found.text(row, 1))),
                        .job = {found.integer(row, 2)},
                        .may_be_in_flight = found.boolean(row, 3),
                        .queue = std::string(found.text(row, 4)),
                        .priority = static_cast<int>(found.integer(row, 5)),
                        .deadline = found.optional_time(row, 6)});
  }
  return branches;
}

std::vector<jobless_schedule> find_schedules(connection& database, const mend_statements& sql, std::size_t limit) {
  const rows found = database.run(sql.jobless_schedules, std::move(parameters().add(limit)));
  std::vector<jobless_schedule> schedules;
  schedules.reserve(static_cast<std::size_t>(found.size()));
  for (int row = 0; row < found.size(); ++row) {
    schedules.push_back({.workflow = std::string(found.text(row, 0)),
                         .trigger = std::string(found.text(row, 1)),
                         .queue = std::string(found.text(row, 2)),
                         .job = found.is_null(row, 3) ? std::nullopt : std::optional(job_id{found.integer(row, 3)}),
                         .next_at = found.time(row, 4)});
  }
  return schedules;
}

std::size_t mend_branches(connection& database, const mend_statements& sql, const std::vector<jobless_branch>& jobless,
                          const std::string& queue, time_point now) {
  array runs(element::uuid);
  array branches(element::text);
  array lost(element::bigint);
  array queues(element::text);
  array workers(element::text);
  array args(element::text);
  array priorities(element::integer);
  array attempts(element::integer);
  array due(element::timestamp);
  for (const jobless_branch& of : jobless) {
    const job_insert job = mending_job(of, queue);
    runs.push(of.run);
    branches.push(of.name);
    lost.push(of.job.value);
    queues.push(job.queue);
    workers.push(job.worker);
    args.push(job.args);
    priorities.push(job.priority);
    attempts.push(job.attempt);
    due.push(job.scheduled_at);
  }
  parameters values;
  for (array* each : {&runs, &branches, &lost, &queues, &workers, &args, &priorities, &attempts, &due}) {
    values.add_bytes(each->take());
  }
  values.add(now);
  return static_cast<std::size_t>(database.run(sql.mend_branches, std::move(values)).integer(0, 0));
}

std::size_t mend_schedules(connection& database, const mend_statements& sql,
                           const std::vector<jobless_schedule>& jobless, time_point now) {
  array workflows(element::text);
  array triggers(element::text);
  array lost(element::bigint);
  array queues(element::text);
  array workers(element::text);
  array args(element::text);
  array due(element::timestamp);
  for (const jobless_schedule& of : jobless) {
    const job_insert job = tick_job(of.workflow, of.trigger, of.queue, of.next_at);
    workflows.push(of.workflow);
    triggers.push(of.trigger);
    lost.push(of.job ? std::optional(of.job->value) : std::nullopt);
    queues.push(job.queue);
    workers.push(job.worker);
    args.push(job.args);
    due.push(of.next_at);
  }
  parameters values;
  for (array* each : {&workflows, &triggers, &lost, &queues, &workers, &args, &due}) values.add_bytes(each->take());
  values.add(now);
  return static_cast<std::size_t>(database.run(sql.mend_schedules, std::move(values)).integer(0, 0));
}

}  // namespace

mend_statements::mend_statements(const schema& tables)
    : jobless_branches(spelled(tables, jobless_branches_sql)),
      mend_branches(spelled(tables, mend_branches_sql)),
      jobless_schedules(spelled(tables, jobless_schedules_sql)),
      mend_schedules(spelled(tables, mend_schedules_sql)) {}

std::size_t mend(connection& database, const mend_statements& sql, const std::string& queue, time_point now,
                 std::size_t limit) {
  const auto branches = find_branches(database, sql, limit);
  const auto schedules = find_schedules(database, sql, limit - branches.size());
  return (branches.empty() ? 0 : mend_branches(database, sql, branches, queue, now)) +
         (schedules.empty() ? 0 : mend_schedules(database, sql, schedules, now));
}

}  // namespace squid_mesh::storage::postgres
