// Cron once more, as slow and as plain as can be, to compare with: it looks at every minute, asks the C library what
// the zone's clock shows, and shares no code with the library.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <vector>

namespace squid_mesh::inline v1 {

/// What a clock shows at a minute.
struct shown_minute {
  std::int32_t utc = 0;                  ///< The instant, in minutes since the epoch.
  std::int32_t local = 0;                ///< The time shown, as if it were one in UTC, in the same.
  std::array<std::uint8_t, 5> fields{};  ///< minute, hour, day, month, weekday
};

/// What the clock of a zone shows at each minute of UTC from `from` on and before `to`. Sets TZ, so no other thread may
/// look at local times.
std::vector<shown_minute> read_clock(const std::string& zone, std::int32_t from, std::int32_t to);

/// A cron expression in five fields of numbers or names, read anew.
class naive_cron {
 public:
  explicit naive_cron(const std::string& text);

  /// The minutes of UTC in a part of a zone's clock at which it fires. It knows nothing of what was shown earlier.
  [[nodiscard]] std::vector<std::int32_t> fires(const std::vector<shown_minute>& clock) const;

 private:
  [[nodiscard]] bool matches(const std::array<std::uint8_t, 5>& fields) const;
  [[nodiscard]] bool matches_any(std::int32_t first_local, std::int32_t last_local) const;

  std::array<std::bitset<60>, 5> values_;
  bool interval_;
  bool both_days_;
};

}  // namespace squid_mesh::inline v1
