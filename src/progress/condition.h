// Whether a condition of a transition holds.
#pragma once

#include <squid_mesh/definition.hpp>

namespace squid_mesh::inline v1 {

/// See `squid_mesh::condition` for what holds when.
bool holds(const definition::condition& when, const json& context);

}  // namespace squid_mesh::inline v1
