// Finished spans, in OpenTelemetry's JSON.
#pragma once

#include <squid_mesh/json.hpp>
#include <squid_mesh/telemetry.hpp>

#include <map>
#include <optional>
#include <span>
#include <string>

namespace squid_mesh::inline v1 {

/// The span that an event ends; nullopt where it ends none, or one that isn't sampled.
std::optional<json> span_of(const telemetry_event& event);

/// The body of a request to export spans: an ExportTraceServiceRequest.
json export_request(std::span<const json> spans, const std::map<std::string, std::string>& resource);

}  // namespace squid_mesh::inline v1
