// The statements about schedules.
#pragma once

#include "model/commit.h"
#include "model/records.h"
#include "storage/jobless.h"
#include "storage/sqlite/connection.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::storage::sqlite {

/// A schedule with the job that fires its next tick.
struct stored_schedule {
  schedule_record is;
  std::string queue;
  std::optional<job_id> job;
};

/// Writing schedules, on the writing connection.
class schedule_writer {
 public:
  explicit schedule_writer(connection& database);

  std::optional<stored_schedule> find(std::string_view workflow, std::string_view trigger);
  void insert(const schedule_record& what, std::string_view queue, std::optional<job_id> job, time_point now);
  /// Another expression or time zone, with another next tick.
  void change(const schedule_record& what, std::string_view queue, std::optional<job_id> job);
  void tick(const schedule_change& what);
  void pause(std::string_view workflow, std::string_view trigger, time_point now);
  void resume(std::string_view workflow, std::string_view trigger, job_id job, time_point next_at);
  void set_job(std::string_view workflow, std::string_view trigger, job_id job);

  /// Schedules that go on, whose job can't be delivered any more.
  std::vector<jobless_schedule> jobless(std::size_t limit);

 private:
  statement find_;
  statement insert_;
  statement change_;
  statement tick_;
  statement pause_;
  statement resume_;
  statement set_job_;
  statement jobless_;
};

/// Reading schedules, on any connection.
class schedule_reader {
 public:
  explicit schedule_reader(connection& database);
  /// In the order of their workflows and triggers.
  std::vector<schedule_record> list();

 private:
  statement list_;
};

}  // namespace squid_mesh::storage::sqlite
