#include "cron/zones.h"

#include <date/tz.h>

#include <exception>

namespace squid_mesh {
namespace {

/// The zone, or nullptr. The library throws for an unknown name and for missing tzdata.
const date::time_zone* find_zone(std::string_view name) {
  try {
    return date::locate_zone(name);
  } catch (const std::exception&) {
    return nullptr;
  }
}

}  // namespace

bool zone_exists(std::string_view zone) { return find_zone(zone) != nullptr; }

result<std::string> date_in_zone(time_point at, std::string_view zone) {
  const date::time_zone* found = find_zone(zone);
  if (found == nullptr) {
    return std::unexpected(error{.code = errc::invalid_argument,
                                 .message = "there is no time zone \"" + std::string(zone) + "\"",
                                 .kind = "zone"});
  }
  const auto local = at + found->get_info(at).offset;
  return to_string(time_point(local)).substr(0, 10);
}

}  // namespace squid_mesh
