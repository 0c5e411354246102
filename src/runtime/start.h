// Starting runs: from a payload to the commit that creates the run and its first jobs.
#pragma once

#include "base/random.h"
#include "model/commit.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace squid_mesh {

struct start_request {
  const squid_mesh::definition* workflow = nullptr;
  std::string trigger;  ///< empty: the first
  const json* payload = nullptr;
  std::string queue;  ///< where the workflow names none
  std::size_t max_payload_bytes = 0;
  int priority = 0;
  std::string key;  ///< `run_record::start_key`
  std::optional<time_point> start_at{};
  std::optional<time_point> deadline{};
  json origin = nullptr;  ///< `run_record::origin`; null or an object
};

/// `not_found` for a trigger that isn't there, `invalid_payload` as `accept_payload` says.
result<commit> plan_start(const start_request& request, time_point now, random_source& random);

/// Another run of the same workflow and payload, whatever has become of the first; `workflow` is the definition to
/// which it will be pinned. `origin` says where it comes from.
commit plan_replay(const run_record& of, const definition& workflow, const json& origin, time_point now,
                   random_source& random);

}  // namespace squid_mesh
