// squid_mesh/time.hpp - instants and durations as the library stores them.
#pragma once

#include <chrono>
#include <string>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// An instant in UTC with the precision of the databases: microseconds since the Unix epoch.
using time_point = std::chrono::sys_time<std::chrono::microseconds>;

/// Durations in declarations and options. Negative values are refused where they make no sense.
using std::chrono::microseconds;
using std::chrono::milliseconds;

/// ISO-8601 in UTC with microseconds: `2026-11-22T09:00:00.000000Z`.
std::string to_string(time_point at);

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
