#include "storage/sqlite/job_sql.h"

#include "base/time_text.h"
#include "storage/error_element.h"
#include "storage/node_queues.h"
#include "storage/sqlite/ids.h"

#include <algorithm>
#include <stdexcept>
#include <tuple>

namespace squid_mesh::storage::sqlite {
namespace {

constexpr named_sql insert_sql{"insert_job", R"sql(
  INSERT INTO oban_jobs (state, queue, worker, args, meta, tags, priority, max_attempts, inserted_at, scheduled_at,
                         attempt)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11))sql"};

// -- What becomes of a delivered job. Parameters 1 to 3 are its delivery: whoever took the job over has changed the
//    attempt or the holder, and the statement changes nothing.

constexpr named_sql holds_sql{"holds_job", R"sql(
  SELECT 1 FROM oban_jobs
  WHERE id = ?1 AND state = 'executing' AND attempt = ?2 AND attempted_by || coalesce(attempted_at, '') = ?3)sql"};

constexpr named_sql complete_sql{"complete_job", R"sql(
  UPDATE oban_jobs SET state = 'completed', completed_at = ?4
  WHERE id = ?1 AND state = 'executing' AND attempt = ?2 AND attempted_by || coalesce(attempted_at, '') = ?3)sql"};

constexpr named_sql snooze_sql{"snooze_job", R"sql(
  UPDATE oban_jobs SET state = 'scheduled', scheduled_at = ?4, attempt = ?5
  WHERE id = ?1 AND state = 'executing' AND attempt = ?2 AND attempted_by || coalesce(attempted_at, '') = ?3)sql"};

constexpr named_sql give_back_sql{"give_back_job", R"sql(
  UPDATE oban_jobs SET state = 'available', attempt = ?4
  WHERE id = ?1 AND state = 'executing' AND attempt = ?2 AND attempted_by || coalesce(attempted_at, '') = ?3)sql"};

constexpr named_sql retry_failed_sql{"retry_failed_job", R"sql(
  UPDATE oban_jobs SET state = 'retryable', scheduled_at = ?4, errors = json_insert(errors, '$[#]', json(?5))
  WHERE id = ?1 AND state = 'executing' AND attempt = ?2 AND attempted_by || coalesce(attempted_at, '') = ?3)sql"};

constexpr named_sql rescue_sql{"rescue_job", R"sql(
  UPDATE oban_jobs
  SET state = iif(attempt < max_attempts, 'available', 'discarded'),
      discarded_at = iif(attempt < max_attempts, NULL, ?4),
      errors = json_insert(errors, '$[#]', json(?5))
  WHERE id = ?1 AND state = 'executing' AND attempt = ?2 AND attempted_by || coalesce(attempted_at, '') = ?3)sql"};

constexpr named_sql discard_sql{"discard_job", R"sql(
  UPDATE oban_jobs SET state = 'discarded', discarded_at = ?4, errors = json_insert(errors, '$[#]', json(?5))
  WHERE id = ?1 AND state = 'executing' AND attempt = ?2 AND attempted_by || coalesce(attempted_at, '') = ?3)sql"};

constexpr named_sql cancel_running_sql{"cancel_running_job", R"sql(
  UPDATE oban_jobs SET state = 'cancelled', cancelled_at = ?4, errors = json_insert(errors, '$[#]', json(?5))
  WHERE id = ?1 AND state = 'executing' AND attempt = ?2 AND attempted_by || coalesce(attempted_at, '') = ?3)sql"};

// -- Jobs that nobody executes

constexpr named_sql wake_sql{"wake_job", R"sql(
  UPDATE oban_jobs SET state = 'available', scheduled_at = min(scheduled_at, ?2)
  WHERE id = ?1 AND state IN ('scheduled', 'retryable'))sql"};

constexpr named_sql waits_sql{
    "does_job_wait", "SELECT 1 FROM oban_jobs WHERE id = ?1 AND state IN ('available', 'scheduled', 'retryable')"};

constexpr named_sql is_live_sql{"is_live", R"sql(
  SELECT 1 FROM oban_jobs WHERE id = ?1 AND state NOT IN ('completed', 'discarded', 'cancelled'))sql"};

constexpr named_sql retire_sql{"retire_job", R"sql(
  UPDATE oban_jobs SET state = 'cancelled', cancelled_at = ?2
  WHERE id = ?1 AND state IN ('available', 'scheduled', 'retryable'))sql"};

// -- Queues

// Every column that read_job wants, in its order.
constexpr const char* select_jobs =
    "SELECT id, state, queue, worker, args, meta, tags, errors, attempted_by, attempt, max_attempts, priority,"
    " inserted_at, scheduled_at, attempted_at, completed_at, discarded_at, cancelled_at FROM oban_jobs ";

constexpr named_sql claim_sql{"claim_jobs", R"sql(
  UPDATE oban_jobs SET state = 'executing', attempted_at = ?3, attempted_by = ?4, attempt = attempt + 1
  WHERE id IN (SELECT id FROM oban_jobs
               WHERE state = 'available' AND queue = ?1 AND attempt < max_attempts
                 AND NOT EXISTS (SELECT 1 FROM squid_mesh_paused_queues WHERE queue = ?1)
               ORDER BY priority, scheduled_at, id
               LIMIT min(?2, iif(?5 IS NULL, ?2, max(0, ?5 - (
                 SELECT count(*) FROM oban_jobs j JOIN squid_mesh_nodes n ON n.id = json_extract(j.attempted_by, '$[1]')
                 WHERE j.state = 'executing' AND j.queue = ?1 AND n.expires_at > ?6)))))
  RETURNING id, state, queue, worker, args, meta, tags, errors, attempted_by, attempt, max_attempts, priority,
            inserted_at, scheduled_at, attempted_at, completed_at, discarded_at, cancelled_at)sql"};

// The index is ordered by state, queue and priority before the time: asked for each of them, what is due is one seek
// away, however many jobs wait. Priorities beyond 9 don't exist: every client validates them.
constexpr named_sql stage_sql{"stage_jobs", R"sql(
  WITH states (state) AS (VALUES ('scheduled'), ('retryable')),
       priorities (priority) AS (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))
  UPDATE oban_jobs SET state = 'available'
  WHERE id IN (SELECT j.id FROM states s CROSS JOIN priorities p CROSS JOIN oban_jobs j
               WHERE j.state = s.state AND j.queue = ?1 AND j.priority = p.priority AND j.scheduled_at <= ?2
               LIMIT 5000))sql"};

constexpr named_sql has_available_sql{"has_available",
                                      "SELECT 1 FROM oban_jobs WHERE state = 'available' AND queue = ?1 LIMIT 1"};

constexpr named_sql next_due_sql{"next_due", R"sql(
  WITH states (state) AS (VALUES ('scheduled'), ('retryable')),
       priorities (priority) AS (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))
  SELECT min((SELECT min(j.scheduled_at) FROM oban_jobs j
              WHERE j.state = s.state AND j.queue = ?1 AND j.priority = p.priority))
  FROM states s CROSS JOIN priorities p)sql"};

// No job ends before it is scheduled, so the index narrows it down, and the second condition makes it right.
constexpr named_sql prune_sql{"prune_jobs", R"sql(
  WITH states (state) AS (VALUES ('completed'), ('discarded'), ('cancelled')),
       priorities (priority) AS (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))
  DELETE FROM oban_jobs
  WHERE id IN (SELECT j.id FROM states s CROSS JOIN priorities p CROSS JOIN oban_jobs j
               WHERE j.state = s.state AND j.queue = ?1 AND j.priority = p.priority AND j.scheduled_at < ?2
                 AND coalesce(j.completed_at, j.discarded_at, j.cancelled_at) < ?2
               LIMIT ?3))sql"};

// -- Commands

constexpr named_sql cancel_sql{"cancel_job", R"sql(
  UPDATE oban_jobs SET state = 'cancelled', cancelled_at = ?2
  WHERE id = ?1 AND state NOT IN ('completed', 'discarded', 'cancelled'))sql"};

constexpr named_sql retry_sql{"retry_job", R"sql(
  UPDATE oban_jobs
  SET state = 'available', max_attempts = max(max_attempts, attempt + 1), scheduled_at = ?2,
      completed_at = NULL, cancelled_at = NULL, discarded_at = NULL
  WHERE id = ?1 AND state NOT IN ('available', 'executing'))sql"};

constexpr named_sql pause_sql{"pause_queue",
                              "INSERT OR IGNORE INTO squid_mesh_paused_queues (queue, paused_at) VALUES (?1, ?2)"};
constexpr named_sql resume_sql{"resume_queue", "DELETE FROM squid_mesh_paused_queues WHERE queue = ?1"};

// -- Nodes

constexpr named_sql beat_sql{"beat", R"sql(
  INSERT INTO squid_mesh_nodes (id, name, started_at, beat_at, expires_at, queues) VALUES (?1, ?2, ?3, ?3, ?4, ?5)
  ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, expires_at = excluded.expires_at)sql"};

// A dead node that still holds jobs is kept: it says whose they are.
constexpr named_sql forget_nodes_sql{"forget_nodes", R"sql(
  DELETE FROM squid_mesh_nodes
  WHERE expires_at < ?1
    AND NOT EXISTS (SELECT 1 FROM oban_jobs j
                    WHERE j.state = 'executing' AND json_extract(j.attempted_by, '$[1]') = squid_mesh_nodes.id))sql"};

constexpr named_sql remove_node_sql{"remove_node", "DELETE FROM squid_mesh_nodes WHERE id = ?1"};

constexpr named_sql orphans_sql{"find_orphans", R"sql(
  SELECT id, state, queue, worker, args, meta, tags, errors, attempted_by, attempt, max_attempts, priority,
         inserted_at, scheduled_at, attempted_at, completed_at, discarded_at, cancelled_at
  FROM oban_jobs j
  WHERE state = 'executing' AND queue = ?1
    AND NOT EXISTS (SELECT 1 FROM squid_mesh_nodes n
                    WHERE n.id = json_extract(j.attempted_by, '$[1]') AND n.expires_at > ?2)
  LIMIT ?3)sql"};

constexpr named_sql claimed_sql{"find_claimed", R"sql(
  SELECT id, state, queue, worker, args, meta, tags, errors, attempted_by, attempt, max_attempts, priority,
         inserted_at, scheduled_at, attempted_at, completed_at, discarded_at, cancelled_at
  FROM oban_jobs WHERE state = 'executing' AND queue = ?1 AND attempted_by = ?2)sql"};

constexpr named_sql find_sql{"find_job", R"sql(
  SELECT id, state, queue, worker, args, meta, tags, errors, attempted_by, attempt, max_attempts, priority,
         inserted_at, scheduled_at, attempted_at, completed_at, discarded_at, cancelled_at
  FROM oban_jobs WHERE id = ?1)sql"};

constexpr named_sql of_run_sql{"jobs_of_run", R"sql(
  SELECT id, state, queue, worker, args, meta, tags, errors, attempted_by, attempt, max_attempts, priority,
         inserted_at, scheduled_at, attempted_at, completed_at, discarded_at, cancelled_at
  FROM oban_jobs
  WHERE id IN (SELECT job_id FROM squid_mesh_runs WHERE id = ?1
               UNION ALL SELECT job_id FROM squid_mesh_branches WHERE run_id = ?1)
  ORDER BY id)sql"};

constexpr named_sql is_executing_sql{"is_executing", "SELECT 1 FROM oban_jobs WHERE id = ?1 AND state = 'executing'"};

std::optional<time_point> time_at(const statement& row, int column) {
  return row.is_null(column) ? std::nullopt : parse_time(row.text(column));
}

job_row read_job(const statement& row) {
  const auto state = jobs::parse_state(row.text(1));
  if (!state) throw std::runtime_error("a job has the unknown state \"" + std::string(row.text(1)) + "\"");
  return {.id = {row.integer(0)},
          .state = *state,
          .queue = std::string(row.text(2)),
          .worker = std::string(row.text(3)),
          .args = std::string(row.text(4)),
          .meta = std::string(row.text(5)),
          .tags = std::string(row.text(6)),
          .errors = std::string(row.text(7)),
          .attempted_by = std::string(row.text(8)),
          .holder = std::string(row.text(8)) + std::string(row.text(14)),
          .attempt = static_cast<int>(row.integer(9)),
          .max_attempts = static_cast<int>(row.integer(10)),
          .priority = static_cast<int>(row.integer(11)),
          .inserted_at = time_at(row, 12).value_or(time_point{}),
          .scheduled_at = time_at(row, 13).value_or(time_point{}),
          .attempted_at = time_at(row, 14),
          .completed_at = time_at(row, 15),
          .discarded_at = time_at(row, 16),
          .cancelled_at = time_at(row, 17)};
}

}  // namespace

job_writer::job_writer(connection& database)
    : insert_(database, insert_sql),
      holds_(database, holds_sql),
      complete_(database, complete_sql),
      snooze_(database, snooze_sql),
      give_back_(database, give_back_sql),
      retry_failed_(database, retry_failed_sql),
      rescue_(database, rescue_sql),
      discard_(database, discard_sql),
      cancel_running_(database, cancel_running_sql),
      wake_(database, wake_sql),
      waits_(database, waits_sql),
      is_live_(database, is_live_sql),
      retire_(database, retire_sql),
      claim_(database, claim_sql),
      stage_(database, stage_sql),
      has_available_(database, has_available_sql),
      next_due_(database, next_due_sql),
      prune_(database, prune_sql),
      cancel_(database, cancel_sql),
      retry_(database, retry_sql),
      pause_(database, pause_sql),
      resume_(database, resume_sql),
      beat_(database, beat_sql),
      forget_nodes_(database, forget_nodes_sql),
      remove_node_(database, remove_node_sql) {}

job_id job_writer::insert(const job_insert& job, time_point now) {
  const std::string inserted_at = to_string(now);
  const std::string scheduled_at = job.scheduled_at ? to_string(*job.scheduled_at) : inserted_at;
  // RETURNING would cost a row of its own; the rowid is the id.
  insert_.bind(1, job.scheduled_at ? "scheduled" : "available")
      .bind(2, job.queue)
      .bind(3, job.worker)
      .bind(4, job.args)
      .bind(5, job.meta)
      .bind(6, job.tags)
      .bind(7, job.priority)
      .bind(8, job.max_attempts)
      .bind(9, inserted_at)
      .bind(10, scheduled_at)
      .bind(11, job.attempt)
      .run();
  return {insert_.last_insert_id()};
}

bool job_writer::holds(const delivery& whose) {
  const bool held = holds_.bind(1, whose.job.value).bind(2, whose.attempt).bind(3, whose.holder).next();
  holds_.reset();
  return held;
}

bool job_writer::change(const delivery& whose, const job_change& change, time_point now) {
  const auto update = [&](statement& sql) -> statement& {
    return sql.bind(1, whose.job.value).bind(2, whose.attempt).bind(3, whose.holder);
  };
  const std::string now_text = to_string(now);
  const std::string at_text = to_string(change.at);
  const auto failed = [&](statement& sql, const std::string& at) {
    const std::string element = error_element(whose.attempt, now, change.reason);
    return update(sql).bind(4, at).bind(5, element).run() == 1;
  };
  switch (change.is) {
    case job_change::kind::keep:
      return holds(whose);
    case job_change::kind::finish:
      return update(complete_).bind(4, now_text).run() == 1;
    case job_change::kind::snooze:
      return update(snooze_).bind(4, at_text).bind(5, whose.uncounted_attempt).run() == 1;
    case job_change::kind::give_back:
      return update(give_back_).bind(4, whose.uncounted_attempt).run() == 1;
    case job_change::kind::retry:
      return failed(retry_failed_, at_text);
    case job_change::kind::rescue:
      return failed(rescue_, now_text);
    case job_change::kind::discard:
      return failed(discard_, now_text);
    case job_change::kind::cancel:
      return failed(cancel_running_, now_text);
  }
  return false;
}

bool job_writer::wake(job_id id, time_point now) {
  const std::string now_text = to_string(now);
  wake_.bind(1, id.value).bind(2, now_text).run();
  const bool live = is_live_.bind(1, id.value).next();
  is_live_.reset();
  return live;
}

bool job_writer::waits(job_id id) {
  const bool found = waits_.bind(1, id.value).next();
  waits_.reset();
  return found;
}

void job_writer::retire(job_id id, time_point now) {
  const std::string now_text = to_string(now);
  retire_.bind(1, id.value).bind(2, now_text).run();
}

std::vector<job_row> job_writer::claim(const storage::claim& what, std::string_view attempted_by, time_point now) {
  const std::string now_text = to_string(now);
  std::vector<job_row> claimed;
  claim_.bind(1, what.queue)
      .bind(2, what.limit)
      .bind(3, now_text)
      .bind(4, attempted_by)
      .bind(5, what.everywhere)
      .bind(6, now);
  while (claim_.next()) claimed.push_back(read_job(claim_));
  // RETURNING gives the rows in no particular order.
  std::ranges::sort(claimed, {}, [](const job_row& j) { return std::tuple(j.priority, j.scheduled_at, j.id); });
  return claimed;
}

void job_writer::stage(std::string_view queue, time_point now) {
  const std::string now_text = to_string(now);
  stage_.bind(1, queue).bind(2, now_text).run();
}

bool job_writer::has_available(std::string_view queue) {
  const bool found = has_available_.bind(1, queue).next();
  has_available_.reset();
  return found;
}

std::optional<time_point> job_writer::next_due(std::string_view queue) {
  std::optional<time_point> due;
  if (next_due_.bind(1, queue).next()) due = time_at(next_due_, 0);
  next_due_.reset();
  return due;
}

std::size_t job_writer::prune(std::string_view queue, time_point before, std::size_t limit) {
  const std::string before_text = to_string(before);
  return static_cast<std::size_t>(prune_.bind(1, queue).bind(2, before_text).bind(3, limit).run());
}

bool job_writer::cancel(job_id id, time_point now) {
  const std::string now_text = to_string(now);
  return cancel_.bind(1, id.value).bind(2, now_text).run() == 1;
}

bool job_writer::retry(job_id id, time_point now) {
  const std::string now_text = to_string(now);
  return retry_.bind(1, id.value).bind(2, now_text).run() == 1;
}

void job_writer::set_paused(std::string_view queue, bool paused, time_point now) {
  if (paused) {
    pause_.bind(1, queue).bind(2, now).run();
  } else {
    resume_.bind(1, queue).run();
  }
}

void job_writer::beat(const heartbeat& what) {
  const std::string queues = text_of(what.queues);
  beat_.bind(1, what.node.id).bind(2, what.node.name).bind(3, what.now).bind(4, what.expires_at).bind(5, queues).run();
  forget_nodes_.bind(1, what.forgets_before).run();
}

void job_writer::remove_node(const node_identity& node) { remove_node_.bind(1, node.id).run(); }

job_reader::job_reader(connection& database)
    : database_(database),
      find_(database, find_sql),
      of_run_(database, of_run_sql),
      orphans_(database, orphans_sql),
      claimed_(database, claimed_sql),
      is_executing_(database, is_executing_sql) {}

std::optional<job_row> job_reader::find(job_id id) {
  std::optional<job_row> found;
  if (find_.bind(1, id.value).next()) found = read_job(find_);
  find_.reset();
  return found;
}

std::vector<job_row> job_reader::of_run(const run_id& run) {
  std::vector<job_row> found;
  of_run_.bind(1, blob_of(run));
  while (of_run_.next()) found.push_back(read_job(of_run_));
  return found;
}

std::vector<job_row> job_reader::list(const jobs::job_filter& filter) {
  std::string sql = std::string(select_jobs) + "WHERE 1";
  if (!filter.queue.empty()) sql += " AND queue = ?";
  if (!filter.worker.empty()) sql += " AND worker = ?";
  if (!filter.states.empty()) {
    sql += " AND state IN (?";
    for (std::size_t i = 1; i < filter.states.size(); ++i) sql += ", ?";
    sql += ")";
  }
  sql += " ORDER BY id DESC LIMIT ?";
  statement query(database_, {"list_jobs", sql.c_str()});
  int at = 0;
  if (!filter.queue.empty()) query.bind(++at, filter.queue);
  if (!filter.worker.empty()) query.bind(++at, filter.worker);
  for (const jobs::state state : filter.states) query.bind(++at, jobs::to_string(state));
  query.bind(++at, filter.limit);
  std::vector<job_row> found;
  while (query.next()) found.push_back(read_job(query));
  return found;
}

std::vector<job_row> job_reader::orphans(std::string_view queue, time_point now, std::size_t limit) {
  std::vector<job_row> found;
  orphans_.bind(1, queue).bind(2, now).bind(3, limit);
  while (orphans_.next()) found.push_back(read_job(orphans_));
  return found;
}

std::vector<job_row> job_reader::claimed(std::string_view queue, std::string_view attempted_by) {
  std::vector<job_row> found;
  claimed_.bind(1, queue).bind(2, attempted_by);
  while (claimed_.next()) found.push_back(read_job(claimed_));
  return found;
}

bool job_reader::is_executing(job_id id) {
  const bool executing = is_executing_.bind(1, id.value).next();
  is_executing_.reset();
  return executing;
}

}  // namespace squid_mesh::storage::sqlite
