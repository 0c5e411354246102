// The words that stand for enumerators in JSON. They are stored with definitions: never change one.
#pragma once

#include <array>
#include <string_view>

namespace squid_mesh::words {

// Each in the order of its enumerators.
inline constexpr std::array<std::string_view, 6> types{"string", "integer", "float", "boolean", "object", "list"};
inline constexpr std::array<std::string_view, 3> step_kinds{"action", "log", "wait"};
inline constexpr std::array<std::string_view, 2> outcomes{"ok", "error"};
inline constexpr std::array<std::string_view, 4> levels{"debug", "info", "warning", "error"};

}  // namespace squid_mesh::words
