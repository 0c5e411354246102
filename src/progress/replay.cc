#include "progress/replay.h"

#include <cstddef>

namespace squid_mesh::inline v1 {

std::vector<std::string> steps_against_replay(const run_state& state) {
  std::vector<std::string> found;
  for (std::size_t i = 0; i < state.steps.size(); ++i) {
    const definition::step& declared = state.definition->steps()[i];
    const bool is_for_good = declared.irreversible || !declared.compensatable;
    if (is_for_good && state.steps[i].was_completed) found.push_back(declared.name);
  }
  return found;
}

}  // namespace squid_mesh::inline v1
