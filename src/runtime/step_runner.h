// One attempt of one step: its input, its handler, its timeout, and what came of it.
#pragma once

#include "jobs/node.h"
#include "jobs/worker.h"
#include "progress/decide.h"
#include "runtime/children.h"
#include "runtime/conductor.h"
#include "runtime/workflows.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/transaction.hpp>

#include <cstddef>

namespace squid_mesh::inline v1 {

/// What an attempt may use; all of it outlives the attempt.
struct step_surroundings {
  squid_mesh::workflows* workflows = nullptr;
  squid_mesh::children* children = nullptr;
  jobs::node* node = nullptr;
  const jobs::slot* place = nullptr;
  transaction* within = nullptr;  ///< what a transactional step writes in
};

/// Runs the step, or one element of it, on this thread and returns the event that its end is. Doesn't throw.
worker_event run_step(const conductor& run, next_attempt what, const step_surroundings& around);

}  // namespace squid_mesh::inline v1
