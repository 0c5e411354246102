// The life of a run as its projection shows it.
#pragma once

#include <squid_mesh/run.hpp>

namespace squid_mesh {

/// Whether a run that is stored with one status may be stored with another one next. Beginning is final, and so is the
/// end, but for a failure, after which a person may have the run go on; a run that is being cancelled can only end.
constexpr bool may_follow(run_status from, run_status to) {
  if (from == to || to == run_status::pending) return false;
  if (from == run_status::failed) return !is_terminal(to) && to != run_status::cancelling;
  if (is_terminal(from)) return false;
  return from != run_status::cancelling || is_terminal(to);
}

}  // namespace squid_mesh
