// Ids of traces and spans, which follow from the run and the attempt.
#pragma once

#include <squid_mesh/telemetry.hpp>

#include <string>

namespace squid_mesh::inline v1 {

/// The trace of a run; its `span_id` is the caller's span, and empty where there is none.
trace_parts trace_of(const run_id& run, std::string_view traceparent);

/// The span of a run.
std::string span_of(const run_id& run);
/// The span of an attempt.
std::string span_of(const run_id& run, std::string_view step, int visit, int attempt,
                    std::optional<std::size_t> element);

}  // namespace squid_mesh::inline v1
