// Starting runs: from a payload to the commit that creates the run and its first jobs.
#pragma once

#include "base/random.h"
#include "model/commit.h"
#include "storage/store.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/run.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace squid_mesh::inline v1 {

struct start_request {
  const squid_mesh::definition* workflow = nullptr;
  std::string trigger;            ///< empty: the first
  const json* payload = nullptr;  ///< null is as good as an empty object
  std::string queue;              ///< where the workflow names none
  std::size_t max_payload_bytes = 0;
  int priority = 0;
  std::string key;  ///< `run_record::start_key`
  std::optional<time_point> start_at{};
  std::optional<time_point> deadline{};
  json origin = nullptr;      ///< `run_record::origin`; null or an object
  std::string traceparent{};  ///< of the caller; ignored if it isn't one
  std::optional<run_id> parent{};
};

/// `not_found` for a trigger that isn't there, `invalid_payload` as `accept_payload` says.
result<commit> plan_start(const start_request& request, time_point now, random_source& random);

/// What became of starts that have been written. `conflict`, retryable, while another transaction is starting a run.
result<std::vector<run_ref>> refs_of(storage::store& store, const std::vector<commit>& starts,
                                     const std::vector<commit_outcome>& outcomes);

/// Another run of the same workflow and payload, whatever has become of the first; `workflow` is the definition to
/// which it will be pinned. `origin` says where it comes from.
commit plan_replay(const run_record& of, const definition& workflow, const json& origin, time_point now,
                   random_source& random);

}  // namespace squid_mesh::inline v1
