// What somebody can do about a run.
#pragma once

#include "inspect/branch_look.h"

#include <squid_mesh/explanation.hpp>

#include <vector>

namespace squid_mesh::inline v1 {

/// What helps most comes first. Not masked.
std::vector<next_action> actions_for(const told_run& told, const std::vector<branch_look>& looks);

}  // namespace squid_mesh::inline v1
