// Metrics of what is in the database.
#include "tools/telemetry/exposition.h"

#include <squid_mesh/mesh.hpp>
#include <squid_mesh/prometheus.hpp>

#include <chrono>
#include <map>
#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// Nobody has so many queues or schedules that they couldn't be shown.
constexpr std::size_t max_series = 100'000;

metric gauge(const char* name, const char* help, std::vector<std::string> labels) {
  return {{.name = name, .help = help, .is = metric::kind::gauge, .labels = std::move(labels)}, max_series};
}

double seconds_since(time_point then) {
  const auto now = std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now());
  return std::max(0.0, std::chrono::duration<double>(now - then).count());
}

double number(std::size_t count) { return static_cast<double>(count); }

void render_runs(const std::map<run_status, std::size_t>& counts, std::string& out) {
  metric runs =
      gauge("squid_mesh_database_runs", "Runs that have not ended, by the status that is stored.", {"status"});
  for (const run_status each :
       {run_status::pending, run_status::running, run_status::retrying, run_status::paused, run_status::cancelling}) {
    const auto count = counts.find(each);
    runs.set({std::string(to_string(each))}, count == counts.end() ? 0 : number(count->second));
  }
  runs.render(out);
}

void render_queues(const std::vector<queue_view>& queues, std::string& out) {
  metric jobs = gauge("squid_mesh_database_queue_jobs", "Jobs that have not ended.", {"queue", "state"});
  metric oldest =
      gauge("squid_mesh_database_queue_oldest_seconds", "How long the oldest available job has been due.", {"queue"});
  metric paused = gauge("squid_mesh_database_queue_paused", "1: nothing is fetched from the queue.", {"queue"});
  for (const queue_view& each : queues) {
    jobs.set({each.queue, "available"}, number(each.available));
    jobs.set({each.queue, "scheduled"}, number(each.scheduled));
    jobs.set({each.queue, "executing"}, number(each.executing));
    jobs.set({each.queue, "retryable"}, number(each.retryable));
    oldest.set({each.queue}, each.waiting_since ? seconds_since(*each.waiting_since) : 0);
    paused.set({each.queue}, each.is_paused ? 1 : 0);
  }
  for (const metric* each : {&jobs, &oldest, &paused}) each->render(out);
}

void render_nodes(const std::vector<node_view>& nodes, std::string& out) {
  metric counts = gauge("squid_mesh_database_nodes", "Processes that work on the database, or did.", {"state"});
  counts.set({"alive"}, 0);
  counts.set({"dead"}, 0);
  for (const node_view& each : nodes) counts.add({each.is_alive ? "alive" : "dead"});
  counts.render(out);
}

void render_schedules(const std::vector<schedule_view>& schedules, std::string& out) {
  metric overdue =
      gauge("squid_mesh_database_schedule_overdue_seconds",
            "For how long a tick has been due, of schedules that are not paused.", {"workflow", "trigger"});
  for (const schedule_view& each : schedules) {
    if (!each.paused) overdue.set({each.workflow, each.trigger}, seconds_since(each.next_at));
  }
  overdue.render(out);
}

}  // namespace

result<std::string> render_database_metrics(const mesh& of) {
  const auto runs = of.count_live_runs();
  if (!runs) return std::unexpected(runs.error());
  const auto queues = of.list_queues();
  if (!queues) return std::unexpected(queues.error());
  const auto nodes = of.list_nodes();
  if (!nodes) return std::unexpected(nodes.error());
  const auto schedules = of.list_schedules();
  if (!schedules) return std::unexpected(schedules.error());
  std::string out;
  render_runs(*runs, out);
  render_queues(*queues, out);
  render_nodes(*nodes, out);
  render_schedules(*schedules, out);
  return out;
}

}  // namespace squid_mesh::inline v1
