// The words that stand for enumerators in JSON. They are stored with definitions: never change one.
#pragma once

#include <squid_mesh/declaration.hpp>

#include <array>
#include <span>
#include <string_view>

namespace squid_mesh::words {

// Each in the order of its enumerators.
inline constexpr std::array<std::string_view, 6> types{"string", "integer", "float", "boolean", "object", "list"};
inline constexpr std::span<const std::string_view> step_kinds = detail::step_kind_words;
inline constexpr std::array<std::string_view, 3> outcomes{"ok", "error", "timeout"};
inline constexpr std::array<std::string_view, 3> recoveries{"none", "compensation", "undo"};
inline constexpr std::array<std::string_view, 3> element_policies{"fail_fast", "collect", "tolerate"};
inline constexpr std::array<std::string_view, 2> parent_policies{"cancel", "abandon"};
inline constexpr std::array<std::string_view, 2> expiries{"error", "reject"};
inline constexpr std::array<std::string_view, 3> missed_policies{"run_once", "skip", "run_all"};
inline constexpr std::array<std::string_view, 3> overlaps{"allow", "skip", "cancel_previous"};
inline constexpr std::array<std::string_view, 4> levels{"debug", "info", "warning", "error"};

}  // namespace squid_mesh::words
