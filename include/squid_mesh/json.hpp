// squid_mesh/json.hpp - the JSON value type of payloads, inputs, outputs and job arguments.
#pragma once

#include <nlohmann/json.hpp>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// Keys are kept sorted, so the same value always has the same text.
using json = nlohmann::json;

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
