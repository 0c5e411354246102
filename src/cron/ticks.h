// Which ticks of a schedule to fire now, after being away for a moment or for a year.
#pragma once

#include "cron/schedule.h"

#include <squid_mesh/declaration.hpp>
#include <squid_mesh/time.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace squid_mesh::inline v1 {

/// A tick that is picked up less than this after its time is on time.
inline constexpr microseconds on_time = std::chrono::minutes(1);

/// One firing of a schedule. The work that it stands for is that of the window from `window_start` up to and without
/// `at`.
struct tick {
  time_point at;            ///< When it was meant to fire.
  time_point window_start;  ///< When the schedule was meant to fire before, fired or not; `at` where it never was.

  bool operator==(const tick&) const = default;
};

/// What to do now, and when to ask again.
struct tick_plan {
  std::vector<tick> fire{};          ///< Oldest first.
  std::optional<time_point> next{};  ///< The `due` of the next plan; nullopt where the schedule never fires again.
};

/// The ticks to fire at `now`, when all before `due` have been fired or dropped. `due` is the first that hasn't; where
/// the schedule was changed since, it may be no tick at all. Nothing fires where `now` is before `due`: a clock that
/// was set back fires nothing twice. `limit` counts for `missed_ticks::run_all` alone. Where
/// ticks are skipped, the latest still fires if it is on time.
///
/// Pure, and safe to call from any thread. What it costs grows with the ticks that fire, not with those that are
/// dropped.
tick_plan plan_ticks(const cron_schedule& schedule, time_point due, time_point now, missed_ticks policy,
                     std::size_t limit);

}  // namespace squid_mesh::inline v1
