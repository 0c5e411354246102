#include "storage/sqlite/schedule_sql.h"

#include "storage/sqlite/ids.h"

#include <string>

namespace squid_mesh::storage::sqlite {
namespace {

constexpr named_sql find_sql{"find_schedule", R"sql(
  SELECT workflow, trigger_name, expression, timezone, next_at, last_at, last_run, paused_at, queue, job_id
  FROM squid_mesh_schedules WHERE workflow = ?1 AND trigger_name = ?2)sql"};

constexpr named_sql list_sql{"list_schedules", R"sql(
  SELECT workflow, trigger_name, expression, timezone, next_at, last_at, last_run, paused_at
  FROM squid_mesh_schedules ORDER BY workflow, trigger_name)sql"};

constexpr named_sql insert_sql{"insert_schedule", R"sql(
  INSERT INTO squid_mesh_schedules (workflow, trigger_name, expression, timezone, next_at, last_at, last_run, paused_at,
                                    queue, job_id, inserted_at)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11))sql"};

constexpr named_sql change_sql{"change_schedule", R"sql(
  UPDATE squid_mesh_schedules SET expression = ?3, timezone = ?4, next_at = ?5, queue = ?6, job_id = ?7
  WHERE workflow = ?1 AND trigger_name = ?2)sql"};

constexpr named_sql tick_sql{"tick_schedule", R"sql(
  UPDATE squid_mesh_schedules
  SET next_at = ?3, last_at = coalesce(?4, last_at), last_run = coalesce(?5, last_run)
  WHERE workflow = ?1 AND trigger_name = ?2)sql"};

constexpr named_sql pause_sql{"pause_schedule", R"sql(
  UPDATE squid_mesh_schedules SET paused_at = ?3, job_id = NULL WHERE workflow = ?1 AND trigger_name = ?2)sql"};

constexpr named_sql resume_sql{"resume_schedule", R"sql(
  UPDATE squid_mesh_schedules SET paused_at = NULL, job_id = ?3, next_at = ?4
  WHERE workflow = ?1 AND trigger_name = ?2)sql"};

constexpr named_sql set_job_sql{"set_schedules_job", R"sql(
  UPDATE squid_mesh_schedules SET job_id = ?3 WHERE workflow = ?1 AND trigger_name = ?2)sql"};

constexpr named_sql jobless_sql{"jobless_schedules", R"sql(
  SELECT s.workflow, s.trigger_name, s.queue, s.job_id, s.next_at
  FROM squid_mesh_schedules s LEFT JOIN oban_jobs j ON j.id = s.job_id
  WHERE s.paused_at IS NULL AND (j.id IS NULL OR j.state IN ('completed', 'discarded', 'cancelled'))
  LIMIT ?1)sql"};

void bind_run(statement& sql, int at, const std::optional<run_id>& run) {
  run ? sql.bind(at, blob_of(*run)) : sql.bind_null(at);
}

schedule_record read_schedule(const statement& row) {
  return {.workflow = std::string(row.text(0)),
          .trigger = std::string(row.text(1)),
          .expression = std::string(row.text(2)),
          .timezone = std::string(row.text(3)),
          .next_at = row.time(4),
          .last_at = row.optional_time(5),
          .last_run = row.is_null(6) ? std::nullopt : std::optional(to_run_id(row.blob(6))),
          .paused_at = row.optional_time(7)};
}

std::optional<job_id> job_at(const statement& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional(job_id{row.integer(column)});
}

}  // namespace

schedule_writer::schedule_writer(connection& database)
    : find_(database, find_sql),
      insert_(database, insert_sql),
      change_(database, change_sql),
      tick_(database, tick_sql),
      pause_(database, pause_sql),
      resume_(database, resume_sql),
      set_job_(database, set_job_sql),
      jobless_(database, jobless_sql) {}

std::optional<stored_schedule> schedule_writer::find(std::string_view workflow, std::string_view trigger) {
  std::optional<stored_schedule> found;
  if (find_.bind(1, workflow).bind(2, trigger).next()) {
    found = stored_schedule{.is = read_schedule(find_), .queue = std::string(find_.text(8)), .job = job_at(find_, 9)};
  }
  find_.reset();
  return found;
}

void schedule_writer::insert(const schedule_record& what, std::string_view queue, std::optional<job_id> job,
                             time_point now) {
  insert_.bind(1, what.workflow)
      .bind(2, what.trigger)
      .bind(3, what.expression)
      .bind(4, what.timezone)
      .bind(5, what.next_at)
      .bind(6, what.last_at)
      .bind(8, what.paused_at)
      .bind(9, queue)
      .bind(10, number_of(job))
      .bind(11, now);
  bind_run(insert_, 7, what.last_run);
  insert_.run();
}

void schedule_writer::change(const schedule_record& what, std::string_view queue, std::optional<job_id> job) {
  change_.bind(1, what.workflow)
      .bind(2, what.trigger)
      .bind(3, what.expression)
      .bind(4, what.timezone)
      .bind(5, what.next_at)
      .bind(6, queue)
      .bind(7, number_of(job))
      .run();
}

void schedule_writer::tick(const schedule_change& what) {
  tick_.bind(1, what.workflow).bind(2, what.trigger).bind(3, what.next_at).bind(4, what.last_at);
  bind_run(tick_, 5, what.last_run);
  tick_.run();
}

void schedule_writer::pause(std::string_view workflow, std::string_view trigger, time_point now) {
  pause_.bind(1, workflow).bind(2, trigger).bind(3, now).run();
}

void schedule_writer::resume(std::string_view workflow, std::string_view trigger, job_id job, time_point next_at) {
  resume_.bind(1, workflow).bind(2, trigger).bind(3, job.value).bind(4, next_at).run();
}

void schedule_writer::set_job(std::string_view workflow, std::string_view trigger, job_id job) {
  set_job_.bind(1, workflow).bind(2, trigger).bind(3, job.value).run();
}

std::vector<jobless_schedule> schedule_writer::jobless(std::size_t limit) {
  std::vector<jobless_schedule> found;
  jobless_.bind(1, limit);
  while (jobless_.next()) {
    found.push_back({.workflow = std::string(jobless_.text(0)),
                     .trigger = std::string(jobless_.text(1)),
                     .queue = std::string(jobless_.text(2)),
                     .job = job_at(jobless_, 3),
                     .next_at = jobless_.time(4)});
  }
  return found;
}

schedule_reader::schedule_reader(connection& database) : list_(database, list_sql) {}

std::vector<schedule_record> schedule_reader::list() {
  std::vector<schedule_record> found;
  while (list_.next()) found.push_back(read_schedule(list_));
  return found;
}

}  // namespace squid_mesh::storage::sqlite
