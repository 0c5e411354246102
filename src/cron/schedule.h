// When a cron expression fires in a time zone.
#pragma once

#include <squid_mesh/detail/cron_expression.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/time.hpp>

#include <optional>
#include <string_view>

namespace date {
class time_zone;
}

namespace squid_mesh::inline v1 {

/// A cron expression in a time zone: a fixed set of instants, which the two and the system's tzdata decide alone.
///
/// Days. Where one of the two day fields begins with `*`, a day must be in both; where both are restricted, either is
/// enough, as in Vixie cron: `0 9 13 * FRI` fires on every 13th and on every Friday. (Oban's cron fires only on days
/// that are in both.)
///
/// Changes of the clock, such as daylight saving. There are two sorts of schedules:
/// - Times of the day (the hour field doesn't begin with `*`: `30 2 * * *`). A time fires at the first instant at which
///   the zone's clock shows it or a later time. So each fires once: in spring, times that the clock skips fire together
///   at the first instant after the gap; in autumn, times that the clock shows twice fire the first time. The same
///   where a zone skips a whole day.
/// - Intervals (the hour field begins with `*`: `*/10 * * * *`, `0 */2 * * *`). Whenever the zone's clock shows a time
///   of the schedule, it fires. So real time just goes on: times that the clock skips don't fire, and times that it
///   shows twice fire twice.
/// tzdata that lists its changes up to 2037 only, as Debian's does, leaves clocks unchanged after that.
///
/// Instants are those of years with four digits. A value that doesn't change: any number of threads may use one.
class cron_schedule {
 public:
  /// `expression` is one that `parse_cron` returned, `zone` an IANA name. Fails with `invalid_argument` where the
  /// system doesn't know the zone.
  static result<cron_schedule> make(const detail::cron_expression& expression, std::string_view zone);

  /// The first instant after `after`, and not the same, at which the schedule fires. Nullopt where there is none within
  /// 41 years; the longest that an expression can pause is 40: from one Sunday, 29 February to the next over 2100.
  [[nodiscard]] std::optional<time_point> next(time_point after) const;

  /// The last instant before `before`, and not the same, at which the schedule fires. Nullopt as in `next`. It
  /// searches by `next`, some dozens of calls.
  [[nodiscard]] std::optional<time_point> previous(time_point before) const;

 private:
  cron_schedule(const detail::cron_expression& expression, const date::time_zone& zone)
      : expression_(expression), zone_(&zone) {}

  detail::cron_expression expression_;
  const date::time_zone* zone_;
};

}  // namespace squid_mesh::inline v1
