// What happened to a run, for people.
#pragma once

#include "inspect/told_run.h"

#include <squid_mesh/run.hpp>

#include <vector>

namespace squid_mesh::inline v1 {

/// The start, every fact, and every end of the run. Masked.
std::vector<audit_event> history_of(const told_run& told, const std::vector<fact>& facts);

}  // namespace squid_mesh::inline v1
