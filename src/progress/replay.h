// Whether a run may be replayed.
#pragma once

#include "progress/run_state.h"

#include <string>
#include <vector>

namespace squid_mesh::inline v1 {

/// The steps whose effects a replay would bring about once more although they can't be undone or made good: those that
/// have ever completed, in workflow order.
std::vector<std::string> steps_against_replay(const run_state& state);

}  // namespace squid_mesh::inline v1
