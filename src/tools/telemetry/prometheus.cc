#include "tools/telemetry/exposition.h"

#include <squid_mesh/prometheus.hpp>

#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

using kind = metric::kind;

/// For what takes from a millisecond to a few days.
const std::vector<double> long_times{0.001, 0.005, 0.01, 0.05, 0.1,   0.5,   1,      5,
                                     10,    30,    60,   300,  1'800, 7'200, 86'400, 604'800};
/// For transactions.
const std::vector<double> short_times{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5};
const std::vector<double> batch_sizes{1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000};

double seconds(microseconds length) { return std::chrono::duration<double>(length).count(); }

/// What has become of an attempt; empty for other events.
std::string_view outcome_of(telemetry_kind what) {
  switch (what) {
    case telemetry_kind::step_completed:
      return "completed";
    case telemetry_kind::step_compensated:
      return "compensated";
    case telemetry_kind::step_failed:
      return "failed";
    case telemetry_kind::step_retry_scheduled:
      return "retried";
    case telemetry_kind::step_lost:
      return "lost";
    case telemetry_kind::step_interrupted:
      return "interrupted";
    case telemetry_kind::step_discarded:
      return "discarded";
    default:
      return {};
  }
}

bool is_end(telemetry_kind what) {
  return what == telemetry_kind::run_completed || what == telemetry_kind::run_failed ||
         what == telemetry_kind::run_cancelled;
}

}  // namespace

struct [[gnu::visibility("hidden")]] prometheus_metrics::impl {
  explicit impl(std::size_t max) : max_series(max) {}

  metric make(const char* name, const char* help, kind is, std::vector<std::string> labels,
              std::vector<double> buckets = {}) const {
    return {{.name = name, .help = help, .is = is, .labels = std::move(labels), .buckets = std::move(buckets)},
            max_series};
  }

  void count(const telemetry_event& event);
  void count_attempt(const telemetry_event& event);
  void set_depth(const telemetry_event& event);

  std::size_t max_series;
  mutable std::mutex mutex;

  metric created = make("squid_mesh_runs_created_total", "Runs that were started here.", kind::counter, {"workflow"});
  metric dispatched =
      make("squid_mesh_runs_dispatched_total", "Deliveries of runs to workers.", kind::counter, {"workflow"});
  metric transitions = make("squid_mesh_run_transitions_total", "Changes of the statuses of runs, to that.",
                            kind::counter, {"workflow", "status"});
  metric run_time = make("squid_mesh_run_duration_seconds", "How long ended runs took from their starts on.",
                         kind::histogram, {"workflow", "status"}, long_times);
  metric attempts = make("squid_mesh_attempts_total", "Attempts of steps that have ended.", kind::counter,
                         {"workflow", "step", "outcome"});
  metric attempt_time = make("squid_mesh_attempt_duration_seconds", "How long attempts of steps took.", kind::histogram,
                             {"workflow", "step"}, long_times);
  metric fetched = make("squid_mesh_jobs_fetched_total", "Jobs that were fetched.", kind::counter, {"queue"});
  metric wait_time = make("squid_mesh_job_wait_seconds", "How long jobs were due before they were fetched.",
                          kind::histogram, {"queue"}, long_times);
  metric acknowledged = make("squid_mesh_jobs_acknowledged_total", "Deliveries of jobs that have ended.", kind::counter,
                             {"queue", "outcome"});
  metric rescued =
      make("squid_mesh_jobs_rescued_total", "Jobs that were taken from dead processes.", kind::counter, {"queue"});
  metric batch_commits =
      make("squid_mesh_batch_commits", "Commits written in one transaction.", kind::histogram, {}, batch_sizes);
  metric batch_time = make("squid_mesh_batch_duration_seconds", "How long writing a transaction took.", kind::histogram,
                           {}, short_times);
  metric queue_jobs = make("squid_mesh_queue_jobs", "Jobs of a queue.", kind::gauge, {"queue", "state"});
  metric queue_oldest = make("squid_mesh_queue_oldest_seconds", "How long the oldest available job has been due.",
                             kind::gauge, {"queue"});
  metric dropped = make("squid_mesh_telemetry_dropped_total", "Events that were not counted here.", kind::counter, {});
};

void prometheus_metrics::impl::count_attempt(const telemetry_event& event) {
  const std::string outcome(outcome_of(event.kind));
  // Waits and gates complete, too: without an attempt.
  if (outcome.empty() || !event.started_at) return;
  attempts.add({event.workflow, event.step, outcome});
  if (event.duration) attempt_time.observe({event.workflow, event.step}, seconds(*event.duration));
}

void prometheus_metrics::impl::set_depth(const telemetry_event& event) {
  if (!event.depth) return;
  queue_jobs.set({event.queue, "available"}, static_cast<double>(event.depth->available));
  queue_jobs.set({event.queue, "scheduled"}, static_cast<double>(event.depth->scheduled));
  queue_jobs.set({event.queue, "executing"}, static_cast<double>(event.depth->executing));
  queue_jobs.set({event.queue, "retryable"}, static_cast<double>(event.depth->retryable));
  queue_oldest.set({event.queue}, seconds(event.duration.value_or(microseconds(0))));
}

void prometheus_metrics::impl::count(const telemetry_event& event) {
  switch (event.kind) {
    case telemetry_kind::run_created:
      return created.add({event.workflow});
    case telemetry_kind::run_dispatched:
      return dispatched.add({event.workflow});
    case telemetry_kind::run_transition:
      return transitions.add({event.workflow, std::string(to_string(*event.to))});
    case telemetry_kind::job_fetched:
      fetched.add({event.queue});
      return wait_time.observe({event.queue}, seconds(*event.duration));
    case telemetry_kind::job_acknowledged:
      return acknowledged.add({event.queue, event.outcome});
    case telemetry_kind::job_rescued:
      return rescued.add({event.queue});
    case telemetry_kind::batch_committed:
      batch_commits.observe({}, static_cast<double>(event.count));
      return batch_time.observe({}, seconds(*event.duration));
    case telemetry_kind::queue_depth:
      return set_depth(event);
    default:
      break;
  }
  if (is_end(event.kind) && event.duration) {
    run_time.observe({event.workflow, std::string(to_string(*event.to))}, seconds(*event.duration));
  }
  count_attempt(event);
}

prometheus_metrics::prometheus_metrics(std::size_t max_series) : impl_(std::make_unique<impl>(max_series)) {}
prometheus_metrics::~prometheus_metrics() = default;

void prometheus_metrics::on(std::span<const telemetry_event> events) {
  const std::lock_guard lock(impl_->mutex);
  for (const telemetry_event& each : events) impl_->count(each);
}

void prometheus_metrics::dropped(std::size_t count) {
  const std::lock_guard lock(impl_->mutex);
  impl_->dropped.add({}, static_cast<double>(count));
}

std::string prometheus_metrics::render() const {
  const std::lock_guard lock(impl_->mutex);
  std::string out;
  for (const metric* each :
       {&impl_->created, &impl_->dispatched, &impl_->transitions, &impl_->run_time, &impl_->attempts,
        &impl_->attempt_time, &impl_->fetched, &impl_->wait_time, &impl_->acknowledged, &impl_->rescued,
        &impl_->batch_commits, &impl_->batch_time, &impl_->queue_jobs, &impl_->queue_oldest, &impl_->dropped}) {
    each->render(out);
  }
  return out;
}

}  // namespace squid_mesh::inline v1
