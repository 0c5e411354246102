// What each branch of a run is doing.
#pragma once

#include "inspect/told_run.h"

#include <squid_mesh/explanation.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace squid_mesh::inline v1 {

/// One step that is active, or that waits for others.
struct branch_look {
  std::size_t step = 0;
  run_reason reason = run_reason::waiting_for_worker;
  std::optional<time_point> since;
  std::optional<time_point> until;
  std::vector<std::string> waits_for;  ///< steps
};

/// The one that most needs a person first.
std::vector<branch_look> look_at_branches(const told_run& told, time_point now);

/// As evidence. Not masked.
json to_evidence(const told_run& told, const branch_look& look);

/// A clause about it, without a period. Not masked.
std::string clause_about(const told_run& told, const branch_look& look);

}  // namespace squid_mesh::inline v1
