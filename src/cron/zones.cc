#include "cron/zones.h"

#include <date/tz.h>

#include <exception>

namespace squid_mesh::inline v1 {

bool zone_exists(std::string_view zone) { return find_zone(zone).has_value(); }

result<const date::time_zone*> find_zone(std::string_view zone) {
  try {
    return date::locate_zone(zone);
  } catch (const std::exception&) {
    // Thrown for an unknown name and for missing tzdata.
    return std::unexpected(error{.code = errc::invalid_argument,
                                 .message = "there is no time zone \"" + std::string(zone) + "\"",
                                 .kind = "zone"});
  }
}

result<std::string> date_in_zone(time_point at, std::string_view zone) {
  const auto found = find_zone(zone);
  if (!found) return std::unexpected(found.error());
  const auto local = at + (*found)->get_info(at).offset;
  return to_string(time_point(local)).substr(0, 10);
}

}  // namespace squid_mesh::inline v1
