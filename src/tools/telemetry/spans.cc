#include "tools/telemetry/spans.h"

#include "telemetry/trace.h"

#include <cstdint>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

// Of OpenTelemetry's enumerations, which its JSON shows as numbers.
constexpr int kind_internal = 1;
constexpr int kind_consumer = 5;
constexpr int status_ok = 1;
constexpr int status_error = 2;

json attribute(const std::string& key, const std::string& value) {
  return {{"key", key}, {"value", {{"stringValue", value}}}};
}
/// Its JSON has 64-bit integers as text.
json attribute(const std::string& key, std::int64_t value) {
  return {{"key", key}, {"value", {{"intValue", std::to_string(value)}}}};
}

std::string nanoseconds(time_point at) { return std::to_string(at.time_since_epoch().count()) + "000"; }

bool ends_attempt(const telemetry_event& event) {
  switch (event.kind) {
    case telemetry_kind::step_completed:
    case telemetry_kind::step_compensated:
    case telemetry_kind::step_failed:
    case telemetry_kind::step_retry_scheduled:
    case telemetry_kind::step_lost:
    case telemetry_kind::step_interrupted:
    case telemetry_kind::step_discarded:
      return event.started_at.has_value();
    default:
      return false;
  }
}

bool ends_run(const telemetry_event& event) {
  return (event.kind == telemetry_kind::run_completed || event.kind == telemetry_kind::run_failed ||
          event.kind == telemetry_kind::run_cancelled) &&
         event.started_at;
}

json status_of(const telemetry_event& event) {
  switch (event.kind) {
    case telemetry_kind::step_completed:
    case telemetry_kind::step_compensated:
    case telemetry_kind::run_completed:
      return {{"code", status_ok}};
    case telemetry_kind::step_failed:
    case telemetry_kind::step_retry_scheduled:
    case telemetry_kind::step_lost:
    case telemetry_kind::run_failed: {
      json status = {{"code", status_error}};
      if (!event.error_message.empty()) status["message"] = event.error_message;
      return status;
    }
    default:
      return json::object();
  }
}

json attributes_of(const telemetry_event& event) {
  json list = {attribute("squid_mesh.run_id", to_string(event.run)), attribute("squid_mesh.workflow", event.workflow),
               attribute("squid_mesh.outcome", std::string(to_string(event.kind)))};
  if (!event.trigger.empty()) list.push_back(attribute("squid_mesh.trigger", event.trigger));
  if (!event.step.empty()) {
    list.push_back(attribute("squid_mesh.step", event.step));
    list.push_back(attribute("squid_mesh.attempt", event.attempt));
    list.push_back(attribute("squid_mesh.visit", event.visit));
  }
  if (event.element) list.push_back(attribute("squid_mesh.element", static_cast<std::int64_t>(*event.element)));
  if (!event.node.empty()) list.push_back(attribute("squid_mesh.node", event.node));
  if (!event.error_code.empty()) list.push_back(attribute("error.type", event.error_code));
  if (!event.error_kind.empty()) list.push_back(attribute("squid_mesh.error_kind", event.error_kind));
  return list;
}

}  // namespace

std::optional<json> span_of(const telemetry_event& event) {
  const bool is_run = ends_run(event);
  if (!is_run && !ends_attempt(event)) return std::nullopt;
  const trace_parts trace = trace_of(event.run, event.traceparent);
  if (!trace.is_sampled) return std::nullopt;
  const std::string run_span = span_of(event.run);
  json span = {
      {"traceId", trace.trace_id},
      {"spanId", is_run ? run_span : span_of(event.run, event.step, event.visit, event.attempt, event.element)},
      {"name", is_run ? event.workflow : event.step},
      {"kind", is_run ? kind_consumer : kind_internal},
      {"startTimeUnixNano", nanoseconds(*event.started_at)},
      {"endTimeUnixNano", nanoseconds(event.at)},
      {"attributes", attributes_of(event)},
      {"status", status_of(event)}};
  const std::string parent = is_run ? trace.span_id : run_span;
  if (!parent.empty()) span["parentSpanId"] = parent;
  return span;
}

json export_request(std::span<const json> spans, const std::map<std::string, std::string>& resource) {
  json described = json::array();
  for (const auto& [key, value] : resource) described.push_back(attribute(key, value));
  json list = json::array();
  for (const json& each : spans) list.push_back(each);
  const json scope = {{"scope", {{"name", "squid_mesh"}}}, {"spans", std::move(list)}};
  return {{"resourceSpans", json::array({{{"resource", {{"attributes", std::move(described)}}},
                                          {"scopeSpans", json::array({scope})}}})}};
}

}  // namespace squid_mesh::inline v1
