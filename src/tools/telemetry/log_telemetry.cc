// Events as lines of a log.
#include <squid_mesh/structured_log.hpp>

#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

level level_of(telemetry_kind kind) {
  switch (kind) {
    case telemetry_kind::run_failed:
    case telemetry_kind::step_failed:
    case telemetry_kind::step_retry_scheduled:
    case telemetry_kind::step_lost:
    case telemetry_kind::step_parked:
    case telemetry_kind::job_rescued:
      return level::warning;
    case telemetry_kind::run_created:
    case telemetry_kind::run_paused:
    case telemetry_kind::run_resumed:
    case telemetry_kind::run_completed:
    case telemetry_kind::run_cancelled:
    case telemetry_kind::run_retried:
    case telemetry_kind::run_replayed:
    case telemetry_kind::run_migrated:
    case telemetry_kind::step_compensated:
      return level::info;
    default:
      return level::debug;
  }
}

std::string message_of(const telemetry_event& event) {
  std::string text(to_string(event.kind));
  if (event.from && event.to) text += " from " + std::string(to_string(*event.from));
  if (event.to) text += " to " + std::string(to_string(*event.to));
  if (!event.queue.empty()) text += " queue " + event.queue;
  if (!event.outcome.empty()) text += " " + event.outcome;
  if (event.count > 0) text += " " + std::to_string(event.count);
  if (event.duration) text += " in " + std::to_string(event.duration->count()) + " us";
  if (event.retry_at) text += ", again at " + to_string(*event.retry_at);
  if (!event.error_code.empty()) text += ": " + event.error_code;
  if (!event.error_message.empty()) text += ": " + event.error_message;
  return text;
}

class log_writer final : public telemetry_handler {
 public:
  explicit log_writer(log_sink to) : to_(std::move(to)) {}

  void on(std::span<const telemetry_event> events) override {
    for (const telemetry_event& each : events) {
      const std::string message = message_of(each);
      const json details = to_json(each);
      to_({.severity = level_of(each.kind),
           .message = message,
           .run = each.run == run_id() ? std::nullopt : std::optional(each.run),
           .workflow = each.workflow,
           .step = each.step,
           .attempt = each.step.empty() ? 0 : each.attempt,
           .element = each.element,
           .details = &details});
    }
  }

 private:
  const log_sink to_;
};

}  // namespace

std::shared_ptr<telemetry_handler> log_telemetry(log_sink to) { return std::make_shared<log_writer>(std::move(to)); }

}  // namespace squid_mesh::inline v1
