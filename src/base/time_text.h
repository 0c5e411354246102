// Instants as text, in the one form that the job table stores.
#pragma once

#include <squid_mesh/time.hpp>

#include <optional>
#include <string_view>

namespace squid_mesh::inline v1 {

/// Reads `2026-11-22T09:00:00Z` with up to six digits of a fraction, with `T` or a space, with or without the `Z`:
/// the forms that other programs write into the job table. Nullopt for anything else.
std::optional<time_point> parse_time(std::string_view text);

}  // namespace squid_mesh::inline v1
