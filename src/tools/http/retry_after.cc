#include "tools/http/retry_after.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace squid_mesh::inline v1::http {
namespace {

constexpr std::chrono::seconds longest = std::chrono::years(10);

}  // namespace

std::optional<milliseconds> parse_retry_after(const std::string& value, std::chrono::sys_seconds now) {
  using std::chrono::seconds;
  if (value.empty()) return std::nullopt;
  if (value.find_first_not_of("0123456789") == std::string::npos) {
    std::int64_t count = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), count);
    return read.ec == std::errc() ? std::min(longest, seconds(count)) : longest;
  }
  const std::time_t date = curl_getdate(value.c_str(), nullptr);
  if (date == -1) return std::nullopt;
  return std::clamp(std::chrono::sys_seconds(seconds(date)) - now, seconds(0), longest);
}

}  // namespace squid_mesh::inline v1::http
