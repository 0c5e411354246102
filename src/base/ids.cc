#include "base/uuid_v7.h"

#include <squid_mesh/ids.hpp>

#include <algorithm>

namespace squid_mesh::inline v1 {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr bool is_dash_position(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

}  // namespace

std::optional<uuid> uuid::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  uuid id;
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_dash_position(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int digit = hex_value(text[i]);
    if (digit < 0) return std::nullopt;
    std::uint8_t& byte = id.bytes[nibble / 2];
    byte = static_cast<std::uint8_t>((byte << 4U) | digit);
    ++nibble;
  }
  return id;
}

std::string to_string(const uuid& id) {
  std::string text;
  text.reserve(36);
  for (const std::uint8_t byte : id.bytes) {
    if (is_dash_position(text.size())) text.push_back('-');
    text.push_back(hex_digits[byte >> 4U]);
    text.push_back(hex_digits[byte & 0xFU]);
  }
  return text;
}

std::optional<run_id> run_id::parse(std::string_view text) {
  const auto value = uuid::parse(text);
  if (!value) return std::nullopt;
  return run_id{*value};
}

std::string to_string(const run_id& id) { return to_string(id.value); }

std::string to_string(job_id id) { return std::to_string(id.value); }

namespace {

uuid uuid_v7(time_point at, std::uint64_t rest) {
  const auto ms = static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count());
  // RFC 9562 lets the 12 bits after the version refine the time: ids made in one process keep its order better so.
  const auto sub_ms = static_cast<std::uint64_t>(at.time_since_epoch().count() % 1000) * 4096 / 1000;
  const std::uint64_t high = (ms << 16U) | 0x7000U | sub_ms;
  const std::uint64_t low = (rest >> 2U) | (std::uint64_t{0b10} << 62U);
  uuid id;
  for (std::size_t i = 0; i < 8; ++i) {
    id.bytes[i] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
    id.bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
  }
  return id;
}

}  // namespace

uuid make_uuid_v7(time_point now, random_source& random) { return uuid_v7(now, random.next()); }

uuid first_uuid_v7(time_point at) {
  // What 48 bits of milliseconds can say.
  constexpr time_point last{milliseconds((std::int64_t{1} << 48) - 1)};
  return uuid_v7(std::clamp(at, time_point{}, last), 0);
}

}  // namespace squid_mesh::inline v1
