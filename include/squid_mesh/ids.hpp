// squid_mesh/ids.hpp - identities that don't convert into each other.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// 128 bits that name one thing. Ids made by the library are UUIDv7: they sort by the time they were made.
struct uuid {
  std::array<std::uint8_t, 16> bytes{};

  /// Reads the 36-character form, in either case; nothing else is accepted.
  static std::optional<uuid> parse(std::string_view text);

  auto operator<=>(const uuid&) const = default;
};

/// The 36-character form in lower case.
std::string to_string(const uuid& id);

/// Names a run.
struct run_id {
  uuid value;

  static std::optional<run_id> parse(std::string_view text);

  auto operator<=>(const run_id&) const = default;
};

std::string to_string(const run_id& id);

/// Names a job: the `id` of a row of `oban_jobs`. Positive.
struct job_id {
  std::int64_t value = 0;

  auto operator<=>(const job_id&) const = default;
};

std::string to_string(job_id id);

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop

template <>
struct std::hash<squid_mesh::run_id> {
  /// The last eight bytes of a UUIDv7 are random enough as they are.
  std::size_t operator()(const squid_mesh::run_id& id) const noexcept {
    std::size_t h = 0;
    for (std::size_t i = 8; i < 16; ++i) h = (h << 8U) | id.value.bytes[i];
    return h;
  }
};

template <>
struct std::hash<squid_mesh::job_id> {
  std::size_t operator()(squid_mesh::job_id id) const noexcept { return std::hash<std::int64_t>{}(id.value); }
};
