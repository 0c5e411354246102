// What a commit that was applied tells observers.
#pragma once

#include "model/commit.h"

#include <squid_mesh/telemetry.hpp>

#include <vector>

namespace squid_mesh::inline v1 {

/// In the order in which it happened. Of jobs: those whose deliveries have ended and that were still ours.
std::vector<telemetry_event> events_of(const commit& applied, const commit_outcome& outcome, time_point now);

}  // namespace squid_mesh::inline v1
