// What the branches of runs are called in `squid_mesh_branches`.
#pragma once

#include "model/records.h"

#include <optional>
#include <string>

namespace squid_mesh::storage {

/// The step's name, and nothing for the watch over the deadline. None for the only branch: its job is in the run's row.
inline std::optional<std::string> branch_name(const driven_branch& branch) {
  if (branch.is == driven_branch::role::only) return std::nullopt;
  return branch.is == driven_branch::role::deadline ? std::string() : branch.step;
}

/// The branch that is called so.
inline driven_branch branch_named(const run_id& run, const std::optional<std::string>& name) {
  using role = driven_branch::role;
  if (!name) return {.run = run, .is = role::only};
  if (name->empty()) return {.run = run, .is = role::deadline};
  return {.run = run, .is = role::one_of_many, .step = *name};
}

}  // namespace squid_mesh::storage
