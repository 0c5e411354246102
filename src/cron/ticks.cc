#include "cron/ticks.h"

#include <algorithm>

namespace squid_mesh {

tick_plan plan_ticks(const cron_schedule& schedule, time_point due, time_point now, catch_up policy,
                     std::size_t limit) {
  constexpr microseconds least(1);
  tick_plan plan{.next = schedule.next(std::max(now, due - least))};
  const std::size_t most = policy == catch_up::all ? limit : 1;
  auto at = schedule.previous(now + least);
  while (at && *at >= due && plan.fire.size() < most) {
    if (policy == catch_up::skip && now - *at >= on_time) break;
    const auto before = schedule.previous(*at);
    plan.fire.push_back({.at = *at, .window_start = before.value_or(*at)});
    at = before;
  }
  std::ranges::reverse(plan.fire);
  return plan;
}

}  // namespace squid_mesh
