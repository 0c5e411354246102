#include "storage/postgres/health_sql.h"

#include "storage/postgres/overview_sql.h"
#include "storage/postgres/sql_text.h"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

constexpr std::string_view server_sql =
    "SELECT current_setting('server_version'), clock_timestamp(),"
    " pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'";

// The queues that have jobs of some states, each found by one seek: counting all jobs would read them all.
constexpr std::string_view queues_with = R"sql(
WITH RECURSIVE queues (state, queue) AS (
  SELECT s.state, (SELECT min(j.queue) FROM @oban_jobs AS j WHERE j.state = s.state)
  FROM unnest(ARRAY[{states}]::@oban_job_state[]) AS s(state)
  UNION ALL
  SELECT q.state, (SELECT min(j.queue) FROM @oban_jobs AS j WHERE j.state = q.state AND j.queue > q.queue)
  FROM queues AS q WHERE q.queue IS NOT NULL))sql";

constexpr std::string_view due_sql = R"sql(,
named AS (SELECT state, queue FROM queues WHERE queue IS NOT NULL LIMIT $3::int8),
due AS (
  SELECT n.queue, d.*
  FROM named AS n CROSS JOIN generate_series(0, 9) AS p(priority)
  CROSS JOIN LATERAL (
    SELECT count(*) AS jobs, min(f.scheduled_at) AS since, bool_or(f.worker LIKE 'squid\_mesh.%') AS is_ours,
           min(f.worker) AS worker
    FROM (SELECT j.scheduled_at, j.worker FROM @oban_jobs AS j
          WHERE j.state = n.state AND j.queue = n.queue AND j.priority = p.priority AND j.scheduled_at <= $1::timestamp
          ORDER BY j.scheduled_at, j.id LIMIT $2::int8) AS f) AS d)
SELECT queue, sum(jobs)::int8, bool_or(jobs >= $2::int8), min(since), bool_or(is_ours), min(worker)
FROM due WHERE jobs > 0 GROUP BY queue ORDER BY queue)sql";

constexpr std::string_view held_sql = R"sql(
SELECT j.queue, coalesce(j.attempted_by[1], ''), coalesce(j.attempted_by[2], ''), count(*),
       coalesce(min(j.attempted_at), min(j.scheduled_at)), bool_or(j.worker LIKE 'squid\_mesh.%')
FROM (SELECT queue, attempted_by, attempted_at, scheduled_at, worker FROM @oban_jobs
      WHERE state = 'executing' LIMIT $1::int8) AS j
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3)sql";

// What happened to runs' jobs is told by their runs.
constexpr std::string_view troubled_sql = R"sql(,
named AS (SELECT state, queue FROM queues WHERE queue IS NOT NULL LIMIT $2::int8)
SELECT t.id, n.state::text, n.queue, t.worker, t.attempt, t.max_attempts, coalesce(t.discarded_at, t.scheduled_at),
       coalesce(to_json(t.errors), '[]')::text
FROM named AS n CROSS JOIN LATERAL (
  SELECT * FROM @oban_jobs AS j WHERE j.state = n.state AND j.queue = n.queue
  ORDER BY j.priority, j.scheduled_at, j.id LIMIT $1::int8) AS t
WHERE t.worker NOT LIKE 'squid\_mesh.%'
ORDER BY t.id DESC)sql";

constexpr std::string_view live_of_one_status = R"sql(
(SELECT id, workflow, definition, status, job_id FROM @squid_mesh_runs
 WHERE status = '{status}' AND imported_at IS NULL ORDER BY id LIMIT $1::int8))sql";

constexpr std::string_view live_sql = R"sql(
SELECT r.id, r.workflow, r.definition, r.status,
       (SELECT e.kind FROM @squid_mesh_events AS e WHERE e.run_id = r.id ORDER BY e.seq DESC LIMIT 1)
         IS NOT DISTINCT FROM 'step_parked'
FROM ({live}) AS r ORDER BY r.id)sql";

constexpr std::string_view lost_sql = R"sql(
SELECT r.id, r.workflow, d.job_id, j.state::text
FROM ({live}) AS r
CROSS JOIN LATERAL (
  SELECT r.job_id WHERE r.job_id IS NOT NULL
  UNION ALL SELECT b.job_id FROM @squid_mesh_branches AS b WHERE b.run_id = r.id) AS d(job_id)
LEFT JOIN @oban_jobs AS j ON j.id = d.job_id
WHERE j.id IS NULL OR j.state IN ('completed', 'discarded', 'cancelled')
ORDER BY r.id LIMIT $2::int8)sql";

constexpr std::string_view schedules_sql = R"sql(
SELECT s.workflow, s.trigger_name, s.expression, s.timezone, s.next_at, s.last_at, s.paused_at, s.queue, s.job_id,
       coalesce(j.state NOT IN ('completed', 'discarded', 'cancelled'), false)
FROM @squid_mesh_schedules AS s LEFT JOIN @oban_jobs AS j ON j.id = s.job_id
ORDER BY s.workflow, s.trigger_name LIMIT $1::int8)sql";

std::string with_queues(std::string_view states, std::string_view rest) {
  return fill_in(std::string(queues_with), "{states}", states) + std::string(rest);
}

std::string live_runs() {
  std::string all;
  for (const char* status : {"pending", "running", "retrying", "paused", "cancelling"}) {
    all += (all.empty() ? "" : " UNION ALL ") + fill_in(std::string(live_of_one_status), "{status}", status);
  }
  return all;
}

/// One look. Every statement is asked once, so none is worth keeping.
class looker {
 public:
  looker(connection& database, const schema& tables) : database_(database), tables_(tables) {}

  health operator()(time_point now, const health_bounds& bounds) {
    health seen{.nodes = list_nodes(database_, tables_)};
    if (seen.nodes.size() > bounds.rows) seen.nodes.resize(bounds.rows);
    read_due(seen, now, bounds);
    read_held(seen, bounds);
    read_troubled(seen, bounds);
    read_runs(seen, bounds);
    read_schedules(seen, bounds);
    const rows paused = ask("SELECT queue, paused_at FROM @squid_mesh_paused_queues ORDER BY queue LIMIT $1::int8",
                            parameters().add(bounds.rows));
    for (int row = 0; row < paused.size(); ++row) {
      seen.paused.push_back({.queue = std::string(paused.text(row, 0)), .since = paused.time(row, 1)});
    }
    return seen;
  }

 private:
  rows ask(std::string_view sql, parameters values) {
    return database_.run(statement(tables_.spell(sql)), std::move(values));
  }

  void read_due(health& seen, time_point now, const health_bounds& bounds) {
    const rows found = ask(with_queues("'available', 'scheduled', 'retryable'", due_sql),
                           parameters().add(now).add(bounds.jobs_of_one).add(bounds.rows));
    for (int row = 0; row < found.size(); ++row) {
      seen.due.push_back({.queue = std::string(found.text(row, 0)),
                          .count = static_cast<std::size_t>(found.integer(row, 1)),
                          .has_more = found.boolean(row, 2),
                          .since = found.time(row, 3),
                          .is_ours = found.boolean(row, 4),
                          .worker = std::string(found.text(row, 5))});
    }
  }

  void read_held(health& seen, const health_bounds& bounds) {
    const rows found = ask(held_sql, parameters().add(bounds.rows));
    for (int row = 0; row < found.size(); ++row) {
      seen.held.push_back({.queue = std::string(found.text(row, 0)),
                           .holder = {.name = std::string(found.text(row, 1)), .id = std::string(found.text(row, 2))},
                           .count = static_cast<std::size_t>(found.integer(row, 3)),
                           .since = found.time(row, 4),
                           .is_ours = found.boolean(row, 5)});
    }
  }

  void read_troubled(health& seen, const health_bounds& bounds) {
    const rows found = ask(with_queues("'retryable', 'discarded'", troubled_sql),
                           parameters().add(bounds.jobs_of_one).add(bounds.rows));
    for (int row = 0; row < found.size(); ++row) {
      seen.troubled.push_back({.id = {found.integer(row, 0)},
                               .state = jobs::parse_state(found.text(row, 1)).value_or(jobs::state::discarded),
                               .queue = std::string(found.text(row, 2)),
                               .worker = std::string(found.text(row, 3)),
                               .attempt = static_cast<int>(found.integer(row, 4)),
                               .max_attempts = static_cast<int>(found.integer(row, 5)),
                               .at = found.time(row, 6),
                               .errors = std::string(found.text(row, 7))});
    }
  }

  void read_runs(health& seen, const health_bounds& bounds) {
    const rows found = ask(fill_in(std::string(live_sql), "{live}", live_runs()), parameters().add(bounds.runs));
    std::map<std::string_view, std::size_t> of_status;
    for (int row = 0; row < found.size(); ++row) {
      seen.live.push_back({.run = found.id(row, 0),
                           .workflow = std::string(found.text(row, 1)),
                           .definition = std::string(found.text(row, 2)),
                           .status = parse_run_status(found.text(row, 3)).value_or(run_status::running),
                           .parked = found.boolean(row, 4)});
      seen.has_more_live = ++of_status[found.text(row, 3)] >= bounds.runs || seen.has_more_live;
    }
    const rows lost =
        ask(fill_in(std::string(lost_sql), "{live}", live_runs()), parameters().add(bounds.runs).add(bounds.rows));
    for (int row = 0; row < lost.size(); ++row) {
      seen.lost.push_back({.run = lost.id(row, 0),
                           .workflow = std::string(lost.text(row, 1)),
                           .job = {lost.integer(row, 2)},
                           .state = jobs::parse_state(lost.text(row, 3))});
    }
  }

  void read_schedules(health& seen, const health_bounds& bounds) {
    const rows found = ask(schedules_sql, parameters().add(bounds.rows));
    for (int row = 0; row < found.size(); ++row) {
      seen.schedules.push_back(
          {.is = {.workflow = std::string(found.text(row, 0)),
                  .trigger = std::string(found.text(row, 1)),
                  .expression = std::string(found.text(row, 2)),
                  .timezone = std::string(found.text(row, 3)),
                  .next_at = found.time(row, 4),
                  .last_at = found.optional_time(row, 5),
                  .paused_at = found.optional_time(row, 6)},
           .queue = std::string(found.text(row, 7)),
           .job = found.is_null(row, 8) ? std::nullopt : std::optional(job_id{found.integer(row, 8)}),
           .has_job = found.boolean(row, 9)});
    }
  }

  connection& database_;
  const schema& tables_;
};

}  // namespace

server_health read_server(connection& database) {
  const rows found = database.run(statement(std::string(server_sql)));
  // Debian says more after the number.
  const std::string_view version = found.text(0, 0);
  return {.product = "PostgreSQL " + std::string(version.substr(0, version.find(' '))),
          .now = found.time(0, 1),
          .is_read_only = found.boolean(0, 2)};
}

health read_health(connection& database, const schema& tables, time_point now, const health_bounds& bounds) {
  return looker(database, tables)(now, bounds);
}

}  // namespace squid_mesh::storage::postgres
