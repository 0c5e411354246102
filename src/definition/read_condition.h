// Reading the conditions of transitions from JSON.
#pragma once

#include "definition/object_reader.h"

#include <squid_mesh/definition.hpp>

namespace squid_mesh::inline v1 {

/// Reads a condition of any shape; what is wrong with its shape is reported.
definition::condition read_condition(const json& value, const detail::place& where, reader_state& state);

}  // namespace squid_mesh::inline v1
