// The Retry-After header.
#pragma once

#include <squid_mesh/time.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace squid_mesh::inline v1::http {

/// How long to wait from `now`, for a number of seconds or an HTTP date; zero for a date in the past, ten years at
/// most. Nullopt for anything else.
std::optional<milliseconds> parse_retry_after(const std::string& value, std::chrono::sys_seconds now);

}  // namespace squid_mesh::inline v1::http
