// squid_mesh/prometheus.hpp - metrics in the text format of Prometheus.
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/telemetry.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

class mesh;

/// What a response with metrics has as its content type.
inline constexpr std::string_view prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// Counts what happens in one process, for `mesh_options::telemetry`. The host serves `render()` where it likes.
///
/// | metric                                  | labels                  |                                              |
/// | --------------------------------------- | ----------------------- | -------------------------------------------- |
/// | `squid_mesh_runs_created_total`         | workflow                |                                              |
/// | `squid_mesh_runs_dispatched_total`      | workflow                | deliveries to workers                        |
/// | `squid_mesh_run_transitions_total`      | workflow, status        | changes of runs' statuses, to that           |
/// | `squid_mesh_run_duration_seconds`       | workflow, status        | of ended runs, since their starts; histogram |
/// | `squid_mesh_attempts_total`             | workflow, step, outcome | completed, compensated, failed, retried, ... |
/// | `squid_mesh_attempt_duration_seconds`   | workflow, step          | histogram                                    |
/// | `squid_mesh_jobs_fetched_total`         | queue                   |                                              |
/// | `squid_mesh_job_wait_seconds`           | queue                   | from due to fetched; histogram               |
/// | `squid_mesh_jobs_acknowledged_total`    | queue, outcome          |                                              |
/// | `squid_mesh_jobs_rescued_total`         | queue                   | from dead processes                          |
/// | `squid_mesh_batch_commits`              |                         | commits in a transaction; histogram          |
/// | `squid_mesh_batch_duration_seconds`     |                         | histogram                                    |
/// | `squid_mesh_queue_jobs`                 | queue, state            | gauge, looked at every 15 s                  |
/// | `squid_mesh_queue_oldest_seconds`       | queue                   | how long the oldest available job is due     |
/// | `squid_mesh_telemetry_dropped_total`    |                         | events that nobody has counted here          |
class prometheus_metrics final : public telemetry_handler {
 public:
  /// `max_series`: of one metric; label values beyond them are counted as `other`.
  explicit prometheus_metrics(std::size_t max_series = 1'000);
  prometheus_metrics(const prometheus_metrics&) = delete;
  prometheus_metrics& operator=(const prometheus_metrics&) = delete;
  ~prometheus_metrics() override;

  void on(std::span<const telemetry_event> events) override;
  void dropped(std::size_t count) override;

  /// All metrics as they are now. Safe to call from any thread.
  [[nodiscard]] std::string render() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// What the database says of all processes together: `squid_mesh_database_runs` (status: those that haven't ended),
/// `squid_mesh_database_queue_jobs` (queue, state), `squid_mesh_database_queue_oldest_seconds`,
/// `squid_mesh_database_queue_paused` (queue), `squid_mesh_database_nodes` (state: alive, dead) and
/// `squid_mesh_database_schedule_overdue_seconds` (workflow, trigger).
result<std::string> render_database_metrics(const mesh& of);

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
