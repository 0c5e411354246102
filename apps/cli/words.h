// How the command line says instants, durations and lists.
#pragma once

#include <squid_mesh/time.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::cli {

/// `850 ms`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 days 3 h`: its two largest units.
std::string duration_text(microseconds length);

/// `in 3 min`, `2 h ago`, `now`.
std::string distance_text(time_point at, time_point now);

/// `2026-11-25 13:02:11`, and `Z` in UTC; otherwise in the machine's own time zone.
std::string instant_text(time_point at, bool utc);

/// Reads `90s`, `5m`, `2h`, `1d`, `250ms`, and such in a row: `1h30m`. nullopt for anything else.
std::optional<milliseconds> parse_duration(std::string_view text);

/// Reads what `to_string(time_point)` writes, also shorter: `2026-11-25T13:02:11Z`, `2026-11-25 13:02`, `2026-11-25`.
/// Without a `Z` it is in the machine's time zone, unless `utc`.
std::optional<time_point> parse_instant(std::string_view text, bool utc);

/// `a`, `a and b`, `a, b and c`.
std::string list_text(const std::vector<std::string>& words);

/// `1 run`, `3 runs`.
std::string count_text(std::size_t count, std::string_view what);

}  // namespace squid_mesh::cli
