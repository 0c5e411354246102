// Where a run can still come.
#pragma once

#include "progress/run_state.h"

#include <vector>

namespace squid_mesh::inline v1 {

/// By step: whether it is active, or the run may come to it along its routes and dependencies. None in a run that has
/// ended or is ending.
std::vector<bool> steps_ahead(const run_state& state);

}  // namespace squid_mesh::inline v1
