// Time zones by their IANA names, from the system's tzdata.
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/time.hpp>

#include <string>
#include <string_view>

namespace squid_mesh {

/// Whether the system knows a time zone of this name. False also where the system has no tzdata.
bool zone_exists(std::string_view zone);

/// The date at an instant in a time zone, as `2026-11-22`.
result<std::string> date_in_zone(time_point at, std::string_view zone);

}  // namespace squid_mesh
