// squid_mesh/compensation.hpp - what an action reads that makes good what a step did.
#pragma once

#include <squid_mesh/json.hpp>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// The input of every compensation. Take it as the action's parameter, or take `json`, which has the same keys.
struct compensation_input {
  json payload;  ///< the run's
  json context;  ///< the run's, as it was when it failed
  json input;    ///< what the step had read
  json output;   ///< what it returned; null for nothing
  json failure;  ///< why the run fails, as `to_json(error)`
};

/// Throws what nlohmann's `at` throws where a key is missing.
inline void from_json(const json& document, compensation_input& input) {
  document.at("payload").get_to(input.payload);
  document.at("context").get_to(input.context);
  document.at("input").get_to(input.input);
  document.at("output").get_to(input.output);
  document.at("failure").get_to(input.failure);
}

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
