// Events as text.
#include <squid_mesh/telemetry.hpp>

#include <array>

namespace squid_mesh::inline v1 {

std::string_view to_string(telemetry_kind kind) {
  constexpr std::array<std::string_view, 27> names{
      "run.created",    "run.dispatched",  "run.transition", "run.paused",           "run.resumed",  "run.completed",
      "run.failed",     "run.cancelled",   "run.retried",    "run.replayed",         "run.migrated", "step.started",
      "step.waiting",   "step.completed",  "step.failed",    "step.retry_scheduled", "step.lost",    "step.interrupted",
      "step.discarded", "step.skipped",    "step.parked",    "step.compensated",     "job.fetched",  "job.acknowledged",
      "job.rescued",    "batch.committed", "queue.depth"};
  static_assert(names.size() == static_cast<std::size_t>(telemetry_kind::queue_depth) + 1);
  return names.at(static_cast<std::size_t>(kind));
}

json to_json(const telemetry_event& event) {
  json said = {{"event", to_string(event.kind)}, {"at", to_string(event.at)}};
  const auto add_text = [&said](const char* key, const std::string& text) {
    if (!text.empty()) said[key] = text;
  };
  const auto add_if = [&said](const char* key, const auto& value, auto shown) {
    if (value) said[key] = shown(*value);
  };
  const auto as_text = [](const auto& value) { return to_string(value); };
  const auto itself = [](const auto& value) { return value; };
  if (event.run != run_id()) said["run"] = to_string(event.run);
  add_text("workflow", event.workflow);
  add_text("trigger", event.trigger);
  add_text("traceparent", event.traceparent);
  add_if("parent", event.parent, as_text);
  add_if("replay_of", event.replay_of, as_text);
  add_if("from", event.from, as_text);
  add_if("to", event.to, as_text);
  add_text("step", event.step);
  if (event.visit > 0) said["visit"] = event.visit;
  if (event.attempt > 0) said["attempt"] = event.attempt;
  add_if("element", event.element, itself);
  add_text("node", event.node);
  add_text("error_code", event.error_code);
  add_text("error_kind", event.error_kind);
  add_text("error_message", event.error_message);
  add_if("retry_at", event.retry_at, as_text);
  if (event.job.value != 0) said["job"] = event.job.value;
  add_text("queue", event.queue);
  add_text("worker", event.worker);
  add_text("outcome", event.outcome);
  add_if("started_at", event.started_at, as_text);
  add_if("duration_us", event.duration, [](microseconds length) { return length.count(); });
  if (event.count > 0) said["count"] = event.count;
  add_if("depth", event.depth, [](const queue_counts& jobs) {
    return json{{"available", jobs.available},
                {"scheduled", jobs.scheduled},
                {"executing", jobs.executing},
                {"retryable", jobs.retryable}};
  });
  return said;
}

}  // namespace squid_mesh::inline v1
