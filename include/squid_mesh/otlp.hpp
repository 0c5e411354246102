// squid_mesh/otlp.hpp - traces of runs, exported by the OpenTelemetry protocol (OTLP over HTTP, as JSON).
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/log.hpp>
#include <squid_mesh/telemetry.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

struct otlp_options {
  /// Where the receiver takes traces; http or https.
  std::string endpoint = "http://localhost:4318/v1/traces";
  /// Sent along, such as an `authorization`.
  std::vector<std::pair<std::string, std::string>> headers{};
  /// The resource's attribute `service.name`, and more of its attributes.
  std::string service_name = "squid-mesh";
  std::map<std::string, std::string> resource{};
  milliseconds timeout{10'000};     ///< for one request
  std::size_t max_batch = 512;      ///< spans in one request
  std::size_t max_waiting = 8'192;  ///< spans that wait while the receiver can't be reached; then the oldest go
  log_sink log{};                   ///< is told, now and then, that spans can't be sent; unset: nobody is
};

/// For `mesh_options::telemetry`: sends one finished span for each attempt when it has ended, and one for the run at
/// its end, in the trace of the caller that gave `start_options::traceparent`, or else in one of the run's own. Runs
/// whose caller does not sample send none. A request that fails for a reason that may pass is sent again with the next
/// one. `errc::invalid_argument` for options that make no sense.
result<std::shared_ptr<telemetry_handler>> export_traces(otlp_options options = {});

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
