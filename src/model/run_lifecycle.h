// The life of a run as its projection shows it.
#pragma once

#include <squid_mesh/run.hpp>

namespace squid_mesh::inline v1 {

/// Whether a run that is stored with one status may be stored with another one next. Beginning is final, and so is the
/// end, but for a failure, after which a person may have the run go on. A run that is being stopped ends, or what it
/// did is made good first.
constexpr bool may_follow(run_status from, run_status to) {
  if (from == to || to == run_status::pending) return false;
  if (from == run_status::failed) return !is_terminal(to) && to != run_status::cancelling;
  return !is_terminal(from);
}

}  // namespace squid_mesh::inline v1
