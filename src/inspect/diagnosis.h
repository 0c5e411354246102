// The rules that turn what was read of a database into findings.
#pragma once

#include "model/health.h"

#include <squid_mesh/diagnosis.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/explanation.hpp>

#include <string>
#include <vector>

namespace squid_mesh::inline v1 {

/// A run that was asked why it is where it is.
struct asked_run {
  run_id run;
  std::string workflow;
  result<explanation> why;
};

/// What was read and measured.
struct health_reading {
  server_health server;
  microseconds answered_in{};
  microseconds
      clock_offset{};  ///< how far the server's clock is ahead of ours, beyond what the question's time explains
  bool is_notified = true;
  health seen;
  std::vector<asked_run> asked;
  time_point now{};  ///< by the clock that counts
  diagnose_options options;
};

diagnosis diagnose(const health_reading& reading);

/// Of a database that couldn't be opened, or be read from.
diagnosis diagnose_failure(const error& why);

}  // namespace squid_mesh::inline v1
