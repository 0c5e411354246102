#include "storage/postgres/schedule_sql.h"

#include "model/run_job.h"

#include <array>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

// Whoever puts or pauses a schedule must see what the one before has made of it, its job included.
constexpr std::string_view lock_sql =
    "SELECT pg_advisory_xact_lock(hashtextextended('@squid_mesh_schedules' || $1::text || ' ' || $2::text, 7346))";

// A tick that is being fired at this moment finds its job taken away, and is not fired.
constexpr std::string_view put_sql = R"sql(
WITH present AS MATERIALIZED (
  SELECT expression, timezone, paused_at, job_id FROM @squid_mesh_schedules
  WHERE workflow = $1::text AND trigger_name = $2::text FOR UPDATE),
wanted AS MATERIALIZED (
  SELECT CASE WHEN EXISTS (SELECT FROM present)
              THEN (SELECT paused_at FROM present) ELSE $8::timestamptz END AS paused_at
  WHERE NOT EXISTS (SELECT FROM present WHERE expression = $3::text AND timezone = $4::text)),
numbered AS MATERIALIZED (
  SELECT nextval((SELECT pg_get_serial_sequence('@oban_jobs', 'id')::regclass)) AS id
  FROM wanted WHERE paused_at IS NULL),
taken_away AS (
  UPDATE @oban_jobs AS o SET state = 'cancelled', cancelled_at = $12::timestamptz AT TIME ZONE 'UTC'
  WHERE o.id = (SELECT job_id FROM present) AND EXISTS (SELECT FROM wanted)
    AND o.state NOT IN ('completed', 'discarded', 'cancelled')),
made AS (
  INSERT INTO @oban_jobs (id, state, queue, worker, args, inserted_at, scheduled_at)
  OVERRIDING SYSTEM VALUE
  SELECT id, 'scheduled', $9::text, $10::text, $11::text::jsonb, $12::timestamptz AT TIME ZONE 'UTC',
         $5::timestamptz AT TIME ZONE 'UTC'
  FROM numbered)
INSERT INTO @squid_mesh_schedules AS s (workflow, trigger_name, expression, timezone, next_at, last_at, last_run,
                                        paused_at, queue, job_id, inserted_at)
SELECT $1::text, $2::text, $3::text, $4::text, $5::timestamptz, $6::timestamptz, $7::uuid, paused_at, $9::text,
       (SELECT id FROM numbered), $12::timestamptz
FROM wanted
ON CONFLICT (workflow, trigger_name) DO UPDATE
SET expression = excluded.expression, timezone = excluded.timezone, next_at = excluded.next_at, queue = excluded.queue,
    job_id = excluded.job_id)sql";

constexpr std::string_view pause_sql = R"sql(
WITH present AS MATERIALIZED (
  SELECT paused_at, job_id FROM @squid_mesh_schedules
  WHERE workflow = $1::text AND trigger_name = $2::text FOR UPDATE),
taken_away AS (
  UPDATE @oban_jobs AS o SET state = 'cancelled', cancelled_at = $3::timestamptz AT TIME ZONE 'UTC'
  WHERE o.id = (SELECT job_id FROM present WHERE paused_at IS NULL)
    AND o.state NOT IN ('completed', 'discarded', 'cancelled')),
paused AS (
  UPDATE @squid_mesh_schedules SET paused_at = $3::timestamptz, job_id = NULL
  WHERE workflow = $1::text AND trigger_name = $2::text AND paused_at IS NULL)
SELECT paused_at IS NOT NULL FROM present)sql";

constexpr std::string_view resume_sql = R"sql(
WITH present AS MATERIALIZED (
  SELECT paused_at, queue FROM @squid_mesh_schedules
  WHERE workflow = $1::text AND trigger_name = $2::text FOR UPDATE),
numbered AS MATERIALIZED (
  SELECT queue, nextval((SELECT pg_get_serial_sequence('@oban_jobs', 'id')::regclass)) AS id
  FROM present WHERE paused_at IS NOT NULL),
made AS (
  INSERT INTO @oban_jobs (id, state, queue, worker, args, inserted_at, scheduled_at)
  OVERRIDING SYSTEM VALUE
  SELECT id, 'scheduled', queue, $4::text, $5::text::jsonb, $6::timestamptz AT TIME ZONE 'UTC',
         $3::timestamptz AT TIME ZONE 'UTC'
  FROM numbered),
resumed AS (
  UPDATE @squid_mesh_schedules SET paused_at = NULL, job_id = numbered.id, next_at = $3::timestamptz
  FROM numbered WHERE workflow = $1::text AND trigger_name = $2::text)
SELECT paused_at IS NOT NULL FROM present)sql";

constexpr std::string_view list_sql = R"sql(
SELECT workflow, trigger_name, expression, timezone, next_at, last_at, last_run, paused_at
FROM @squid_mesh_schedules ORDER BY workflow COLLATE "C", trigger_name COLLATE "C")sql";

/// The statement alone in the schedule, in one transaction.
rows run_alone(connection& database, const schedule_statements& sql, std::string_view workflow,
               std::string_view trigger, const statement& what, parameters values) {
  std::array<request, 2> both{request{.sql = &sql.lock, .ends_transaction = false}, request{.sql = &what}};
  both[0].values.add(workflow).add(trigger);
  both[1].values = std::move(values);
  auto answers = database.run(both);
  static_cast<void>(answers[1].value());
  return std::move(answers[1].found);
}

}  // namespace

schedule_statements::schedule_statements(const schema& tables)
    : lock(tables.spell(lock_sql)),
      put(tables.spell(put_sql)),
      pause(tables.spell(pause_sql)),
      resume(tables.spell(resume_sql)),
      list(tables.spell(list_sql)) {}

void put_schedule(connection& database, const schedule_statements& sql, const schedule_record& what,
                  const std::string& queue, time_point now) {
  const job_insert tick = tick_job(what.workflow, what.trigger, queue, what.next_at);
  parameters values;
  values.add(what.workflow).add(what.trigger).add(what.expression).add(what.timezone).add(what.next_at);
  values.add(what.last_at).add(what.last_run).add(what.paused_at).add(queue).add(tick.worker).add(tick.args).add(now);
  run_alone(database, sql, what.workflow, what.trigger, sql.put, std::move(values));
}

std::vector<schedule_record> list_schedules(connection& database, const schedule_statements& sql) {
  const rows found = database.run(sql.list);
  std::vector<schedule_record> schedules;
  schedules.reserve(static_cast<std::size_t>(found.size()));
  for (int row = 0; row < found.size(); ++row) {
    schedules.push_back({.workflow = std::string(found.text(row, 0)),
                         .trigger = std::string(found.text(row, 1)),
                         .expression = std::string(found.text(row, 2)),
                         .timezone = std::string(found.text(row, 3)),
                         .next_at = found.time(row, 4),
                         .last_at = found.optional_time(row, 5),
                         .last_run = found.is_null(row, 6) ? std::nullopt : std::optional(found.id(row, 6)),
                         .paused_at = found.optional_time(row, 7)});
  }
  return schedules;
}

std::optional<bool> set_schedule_paused(connection& database, const schedule_statements& sql, std::string_view workflow,
                                        std::string_view trigger, bool paused, time_point next_at, time_point now) {
  parameters values;
  values.add(workflow).add(trigger);
  if (paused) {
    values.add(now);
  } else {
    const job_insert tick = tick_job(std::string(workflow), std::string(trigger), {}, next_at);
    values.add(next_at).add(tick.worker).add(tick.args).add(now);
  }
  const rows found = run_alone(database, sql, workflow, trigger, paused ? sql.pause : sql.resume, std::move(values));
  if (found.size() == 0) return std::nullopt;
  return found.boolean(0, 0) != paused;
}

}  // namespace squid_mesh::storage::postgres
