// Starting runs: from a payload to the commit that creates the run and its first job.
#pragma once

#include "base/random.h"
#include "model/commit.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>

#include <cstddef>
#include <string>

namespace squid_mesh {

struct start_request {
  const squid_mesh::definition* workflow = nullptr;
  std::string trigger;  ///< empty: the first
  const json* payload = nullptr;
  std::string queue;
  std::size_t max_payload_bytes = 0;
};

/// `not_found` for a trigger that isn't there, `invalid_payload` as `accept_payload` says.
result<commit> plan_start(const start_request& request, time_point now, random_source& random);

}  // namespace squid_mesh
