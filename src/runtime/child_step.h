// Steps that start a run and wait for its end.
#pragma once

#include "progress/decide.h"
#include "runtime/conductor.h"
#include "runtime/step_runner.h"

#include <cstddef>

namespace squid_mesh::inline v1 {

/// Plans the run that such a step starts, or looks whether it has ended. Doesn't throw.
worker_event run_child_step(const conductor& run, std::size_t step, const step_surroundings& around);

}  // namespace squid_mesh::inline v1
