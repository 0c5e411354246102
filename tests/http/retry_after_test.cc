#include "tools/http/retry_after.h"

#include <gtest/gtest.h>

namespace squid_mesh::inline v1::http {
namespace {

// 2026-11-22 09:00:00 UTC, a Sunday.
constexpr std::chrono::sys_seconds now =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + std::chrono::hours(9);

TEST(RetryAfter, ReadsSeconds) {
  EXPECT_EQ(parse_retry_after("0", now), milliseconds(0));
  EXPECT_EQ(parse_retry_after("120", now), std::chrono::minutes(2));
}

TEST(RetryAfter, ReadsDates) {
  EXPECT_EQ(parse_retry_after("Sun, 22 Nov 2026 09:00:30 GMT", now), std::chrono::seconds(30));
  EXPECT_EQ(parse_retry_after("Sunday, 22-Nov-26 09:00:30 GMT", now), std::chrono::seconds(30));
  EXPECT_EQ(parse_retry_after("Sun, 22 Nov 2026 08:59:00 GMT", now), milliseconds(0)) << "never negative";
}

TEST(RetryAfter, CapsWhatNobodyMeans) {
  EXPECT_EQ(parse_retry_after("999999999999", now), std::chrono::years(10));
  EXPECT_EQ(parse_retry_after("99999999999999999999999999", now), std::chrono::years(10));
}

TEST(RetryAfter, IgnoresEverythingElse) {
  for (const char* value : {"", "soon", "-5", "1.5.2", "Sun, 99 Foo 2026"}) {
    EXPECT_EQ(parse_retry_after(value, now), std::nullopt) << value;
  }
}

}  // namespace
}  // namespace squid_mesh::inline v1::http
