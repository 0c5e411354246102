#include "progress/ahead.h"

#include <cstddef>

namespace squid_mesh::inline v1 {
namespace {

void find_ahead(const run_state& state, std::size_t step, std::vector<bool>& ahead) {
  if (ahead[step]) return;
  ahead[step] = true;
  const definition& workflow = *state.definition;
  for (const on outcome : {on::ok, on::error, on::timeout}) {
    for (const definition::route& route : workflow.routes(step, outcome)) {
      const int at_most = workflow.transitions()[route.transition].at_most;
      const bool is_used_up = at_most > 0 && state.taken[route.transition] >= at_most;
      if (route.to && !is_used_up) find_ahead(state, *route.to, ahead);
    }
  }
  for (const std::size_t next : workflow.dependents(step)) find_ahead(state, next, ahead);
}

}  // namespace

std::vector<bool> steps_ahead(const run_state& state) {
  std::vector<bool> ahead(state.steps.size());
  if (state.ended || state.ending) return ahead;
  for (std::size_t i = 0; i < ahead.size(); ++i) {
    if (state.is_active(i)) find_ahead(state, i, ahead);
  }
  return ahead;
}

}  // namespace squid_mesh::inline v1
