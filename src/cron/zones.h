// Time zones by their IANA names, from the system's tzdata.
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/time.hpp>

#include <string>
#include <string_view>

namespace date {
class time_zone;
}

namespace squid_mesh::inline v1 {

/// Whether the system knows a time zone of this name. False also where the system has no tzdata. Safe to call from any
/// thread, as all functions here.
bool zone_exists(std::string_view zone);

/// The zone, which lives as long as the process; never null. Fails with `invalid_argument` where `zone_exists` is
/// false.
result<const date::time_zone*> find_zone(std::string_view zone);

/// The date at an instant in a time zone, as `2026-11-22`. Fails as `find_zone` does.
result<std::string> date_in_zone(time_point at, std::string_view zone);

}  // namespace squid_mesh::inline v1
