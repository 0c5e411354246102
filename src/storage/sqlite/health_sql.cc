#include "storage/sqlite/health_sql.h"

#include "base/time_text.h"
#include "storage/sqlite/ids.h"
#include "storage/sqlite/overview_sql.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace squid_mesh::storage::sqlite {
namespace {

// The next queue that has jobs of a state, found by one seek: counting all jobs would read them all.
constexpr named_sql next_queue_sql{"next_queue",
                                   "SELECT min(queue) FROM oban_jobs WHERE state = ?1 AND (?2 IS NULL OR queue > ?2)"};

constexpr named_sql due_sql{"due_jobs", R"sql(
  SELECT count(*), min(scheduled_at), max(worker LIKE 'squid\_mesh.%' ESCAPE '\'), min(worker)
  FROM (SELECT scheduled_at, worker FROM oban_jobs
        WHERE state = ?1 AND queue = ?2 AND priority = ?3 AND scheduled_at <= ?4
        ORDER BY scheduled_at, id LIMIT ?5))sql"};

constexpr named_sql held_sql{"held_jobs", R"sql(
  SELECT queue, coalesce(json_extract(attempted_by, '$[0]'), ''), coalesce(json_extract(attempted_by, '$[1]'), ''),
         count(*), coalesce(min(attempted_at), min(scheduled_at)), max(worker LIKE 'squid\_mesh.%' ESCAPE '\')
  FROM (SELECT queue, attempted_by, attempted_at, scheduled_at, worker FROM oban_jobs
        WHERE state = 'executing' LIMIT ?1)
  GROUP BY 1, 2, 3 ORDER BY 1, 2, 3)sql"};

// What happened to runs' jobs is told by their runs.
constexpr named_sql troubled_sql{"troubled_jobs", R"sql(
  SELECT id, worker, attempt, max_attempts, coalesce(discarded_at, scheduled_at), errors
  FROM (SELECT * FROM oban_jobs WHERE state = ?1 AND queue = ?2 ORDER BY priority, scheduled_at, id LIMIT ?3)
  WHERE worker NOT LIKE 'squid\_mesh.%' ESCAPE '\')sql"};

constexpr named_sql live_sql{"live_runs", R"sql(
  SELECT r.id, r.workflow, r.definition,
         (SELECT e.kind FROM squid_mesh_events e WHERE e.run_id = r.id ORDER BY e.seq DESC LIMIT 1) IS 'step_parked'
  FROM squid_mesh_runs r
  WHERE r.status = ?1 AND r.status <> 'completed' AND r.imported_at IS NULL ORDER BY r.id LIMIT ?2)sql"};

constexpr named_sql lost_sql{"lost_jobs", R"sql(
  SELECT d.job_id, j.state
  FROM (SELECT job_id FROM squid_mesh_runs WHERE id = ?1 AND job_id IS NOT NULL
        UNION ALL SELECT job_id FROM squid_mesh_branches WHERE run_id = ?1) d
  LEFT JOIN oban_jobs j ON j.id = d.job_id
  WHERE j.id IS NULL OR j.state IN ('completed', 'discarded', 'cancelled'))sql"};

constexpr named_sql schedules_sql{"schedules_with_jobs", R"sql(
  SELECT s.workflow, s.trigger_name, s.expression, s.timezone, s.next_at, s.last_at, s.paused_at, s.queue, s.job_id,
         coalesce(j.state NOT IN ('completed', 'discarded', 'cancelled'), 0)
  FROM squid_mesh_schedules s LEFT JOIN oban_jobs j ON j.id = s.job_id
  ORDER BY s.workflow, s.trigger_name LIMIT ?1)sql"};

constexpr named_sql paused_sql{"paused_queues",
                               "SELECT queue, paused_at FROM squid_mesh_paused_queues ORDER BY queue LIMIT ?1"};

constexpr int priorities = 10;

time_point time_in(std::string_view text) { return parse_time(text).value_or(time_point{}); }

/// One look, on any connection. Asked now and then: nothing is prepared before.
class looker {
 public:
  looker(connection& database, time_point now, const health_bounds& bounds)
      : database_(database), now_(to_string(now)), bounds_(bounds) {}

  health operator()() {
    health seen{.nodes = overview_reader(database_).nodes()};
    if (seen.nodes.size() > bounds_.rows) seen.nodes.resize(bounds_.rows);
    read_due(seen);
    read_held(seen);
    read_troubled(seen);
    read_runs(seen);
    read_schedules(seen);
    statement paused(database_, paused_sql);
    paused.bind(1, bounds_.rows);
    while (paused.next()) seen.paused.push_back({.queue = std::string(paused.text(0)), .since = paused.time(1)});
    return seen;
  }

 private:
  std::vector<std::string> queues_with(std::string_view state) {
    statement next(database_, next_queue_sql);
    std::vector<std::string> queues;
    while (queues.size() < bounds_.rows) {
      next.bind(1, state);
      queues.empty() ? next.bind_null(2) : next.bind(2, queues.back());
      const bool found = next.next() && !next.is_null(0);
      std::string queue = found ? std::string(next.text(0)) : std::string();
      next.reset();
      if (!found) break;
      queues.push_back(std::move(queue));
    }
    return queues;
  }

  void read_due(health& seen) {
    statement due(database_, due_sql);
    for (const char* state : {"available", "scheduled", "retryable"}) {
      for (const std::string& queue : queues_with(state)) {
        for (int priority = 0; priority < priorities; ++priority) {
          due.bind(1, state).bind(2, queue).bind(3, priority).bind(4, now_).bind(5, bounds_.jobs_of_one);
          if (due.next() && due.integer(0) > 0) add_due(seen, queue, due);
          due.reset();
        }
      }
    }
    std::ranges::sort(seen.due, {}, &due_jobs::queue);
  }

  void add_due(health& seen, const std::string& queue, const statement& row) {
    auto of = std::ranges::find(seen.due, queue, &due_jobs::queue);
    const time_point since = time_in(row.text(1));
    if (of == seen.due.end()) {
      of = seen.due.insert(of, {.queue = queue, .since = since, .worker = std::string(row.text(3))});
    }
    of->count += static_cast<std::size_t>(row.integer(0));
    of->has_more = of->has_more || static_cast<std::size_t>(row.integer(0)) >= bounds_.jobs_of_one;
    of->since = std::min(of->since, since);
    of->is_ours = of->is_ours || row.integer(2) != 0;
  }

  void read_held(health& seen) {
    statement held(database_, held_sql);
    held.bind(1, bounds_.rows);
    while (held.next()) {
      seen.held.push_back({.queue = std::string(held.text(0)),
                           .holder = {.name = std::string(held.text(1)), .id = std::string(held.text(2))},
                           .count = static_cast<std::size_t>(held.integer(3)),
                           .since = time_in(held.text(4)),
                           .is_ours = held.integer(5) != 0});
    }
  }

  void read_troubled(health& seen) {
    statement troubled(database_, troubled_sql);
    for (const jobs::state state : {jobs::state::retryable, jobs::state::discarded}) {
      for (const std::string& queue : queues_with(jobs::to_string(state))) {
        troubled.bind(1, jobs::to_string(state)).bind(2, queue).bind(3, bounds_.jobs_of_one);
        while (troubled.next()) {
          seen.troubled.push_back({.id = {troubled.integer(0)},
                                   .state = state,
                                   .queue = queue,
                                   .worker = std::string(troubled.text(1)),
                                   .attempt = static_cast<int>(troubled.integer(2)),
                                   .max_attempts = static_cast<int>(troubled.integer(3)),
                                   .at = time_in(troubled.text(4)),
                                   .errors = std::string(troubled.text(5))});
        }
      }
    }
    std::ranges::sort(seen.troubled, std::ranges::greater(), &troubled_job::id);
  }

  void read_runs(health& seen) {
    statement live(database_, live_sql);
    for (const run_status status :
         {run_status::pending, run_status::running, run_status::retrying, run_status::paused, run_status::cancelling}) {
      const std::size_t before = seen.live.size();
      live.bind(1, to_string(status)).bind(2, bounds_.runs);
      while (live.next()) {
        seen.live.push_back({.run = to_run_id(live.blob(0)),
                             .workflow = std::string(live.text(1)),
                             .definition = std::string(live.text(2)),
                             .status = status,
                             .parked = live.integer(3) != 0});
      }
      seen.has_more_live = seen.has_more_live || seen.live.size() - before >= bounds_.runs;
    }
    std::ranges::sort(seen.live, {}, &live_record::run);
    statement lost(database_, lost_sql);
    for (const live_record& run : seen.live) {
      lost.bind(1, blob_of(run.run));
      while (lost.next()) {
        seen.lost.push_back({.run = run.run,
                             .workflow = run.workflow,
                             .job = {lost.integer(0)},
                             .state = lost.is_null(1) ? std::nullopt : jobs::parse_state(lost.text(1))});
      }
    }
    if (seen.lost.size() > bounds_.rows) seen.lost.resize(bounds_.rows);
  }

  void read_schedules(health& seen) {
    statement schedules(database_, schedules_sql);
    schedules.bind(1, bounds_.rows);
    while (schedules.next()) {
      seen.schedules.push_back(
          {.is = {.workflow = std::string(schedules.text(0)),
                  .trigger = std::string(schedules.text(1)),
                  .expression = std::string(schedules.text(2)),
                  .timezone = std::string(schedules.text(3)),
                  .next_at = schedules.time(4),
                  .last_at = schedules.optional_time(5),
                  .paused_at = schedules.optional_time(6)},
           .queue = std::string(schedules.text(7)),
           .job = schedules.is_null(8) ? std::nullopt : std::optional(job_id{schedules.integer(8)}),
           .has_job = schedules.integer(9) != 0});
    }
  }

  connection& database_;
  const std::string now_;
  const health_bounds& bounds_;
};

}  // namespace

server_health read_server(connection& database) {
  // The schema is asked for, too, so that the file is read.
  statement query(database, {"read_server", "SELECT sqlite_version(), (SELECT count(*) FROM sqlite_master)"});
  query.next();
  server_health seen{.product = "SQLite " + std::string(query.text(0)),
                     .is_read_only = sqlite3_db_readonly(database.handle(), "main") == 1};
  query.reset();
  return seen;
}

health read_health(connection& database, time_point now, const health_bounds& bounds) {
  return looker(database, now, bounds)();
}

}  // namespace squid_mesh::storage::sqlite
