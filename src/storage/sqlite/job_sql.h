// The statements about jobs, nodes and queues.
#pragma once

#include "model/commit.h"
#include "model/records.h"
#include "storage/sqlite/connection.h"
#include "storage/store.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::storage::sqlite {

/// Writing jobs, on the writing connection.
class job_writer {
 public:
  explicit job_writer(connection& database);

  job_id insert(const job_insert& job, time_point now);
  /// Applies what becomes of a delivered job; false when the job is no longer this delivery's.
  bool change(const delivery& whose, const job_change& change, time_point now);
  /// Whether the job is this delivery's.
  bool holds(const delivery& whose);
  /// Makes a job that waits for its time available. False: it has ended, or is gone.
  bool wake(job_id id, time_point now);
  /// Whether the job is to be executed, now or later.
  bool waits(job_id id);
  /// Cancels a job that nobody executes.
  void retire(job_id id, time_point now);

  std::vector<job_row> claim(const storage::claim& what, std::string_view attempted_by, time_point now);
  void stage(std::string_view queue, time_point now);
  bool has_available(std::string_view queue);
  /// When the next scheduled or retryable job of a queue is due.
  std::optional<time_point> next_due(std::string_view queue);

  std::size_t prune(std::string_view queue, time_point before, std::size_t limit);
  bool cancel(job_id id, time_point now);
  bool retry(job_id id, time_point now);
  void set_paused(std::string_view queue, bool paused, time_point now);
  void beat(const heartbeat& what);
  void remove_node(const node_identity& node);

 private:
  statement insert_;
  statement holds_;
  statement complete_;
  statement snooze_;
  statement give_back_;
  statement retry_failed_;
  statement rescue_;
  statement discard_;
  statement cancel_running_;
  statement wake_;
  statement waits_;
  statement is_live_;
  statement retire_;
  statement claim_;
  statement stage_;
  statement has_available_;
  statement next_due_;
  statement prune_;
  statement cancel_;
  statement retry_;
  statement pause_;
  statement resume_;
  statement beat_;
  statement forget_nodes_;
  statement remove_node_;
};

/// Reading jobs, on any connection.
class job_reader {
 public:
  explicit job_reader(connection& database);

  std::optional<job_row> find(job_id id);
  /// Those that drive a run's branches.
  std::vector<job_row> of_run(const run_id& run);
  std::vector<job_row> list(const jobs::job_filter& filter);
  std::vector<job_row> orphans(std::string_view queue, time_point now, std::size_t limit);
  std::vector<job_row> claimed(std::string_view queue, std::string_view attempted_by);
  bool is_executing(job_id id);

 private:
  connection& database_;
  statement find_;
  statement of_run_;
  statement orphans_;
  statement claimed_;
  statement is_executing_;
};

}  // namespace squid_mesh::storage::sqlite
