#include "cron/ticks.h"

#include <algorithm>

namespace squid_mesh::inline v1 {

tick_plan plan_ticks(const cron_schedule& schedule, time_point due, time_point now, missed_ticks policy,
                     std::size_t limit) {
  constexpr microseconds least(1);
  tick_plan plan{.next = schedule.next(std::max(now, due - least))};
  const std::size_t most = policy == missed_ticks::run_all ? limit : 1;
  auto at = schedule.previous(now + least);
  while (at && *at >= due && plan.fire.size() < most) {
    if (policy == missed_ticks::skip && now - *at >= on_time) break;
    const auto before = schedule.previous(*at);
    plan.fire.push_back({.at = *at, .window_start = before.value_or(*at)});
    at = before;
  }
  std::ranges::reverse(plan.fire);
  return plan;
}

}  // namespace squid_mesh::inline v1
