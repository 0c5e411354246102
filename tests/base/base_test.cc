#include "base/clock.h"
#include "base/hash.h"
#include "base/json_path.h"
#include "base/time_text.h"
#include "base/uuid_v7.h"

#include <gtest/gtest.h>

namespace squid_mesh::inline v1 {
namespace {

TEST(Uuid, RoundTripsAndRefusesOtherText) {
  seeded_random random(7);
  const uuid id = make_uuid_v7(time_point(std::chrono::seconds(1'700'000'000)), random);
  EXPECT_EQ(uuid::parse(to_string(id)), id);
  EXPECT_EQ(to_string(id)[14], '7');
  EXPECT_FALSE(uuid::parse("0190163d-8694-739b-aea5-966c26f8ad9"));
  EXPECT_FALSE(uuid::parse("0190163d-8694-739b-aea5-966c26f8ad9g"));
  EXPECT_FALSE(uuid::parse("0190163d086940739b0aea50966c26f8ad91"));
}

TEST(Uuid, LaterOnesSortLater) {
  seeded_random random(7);
  const time_point now(std::chrono::seconds(1'700'000'000));
  EXPECT_LT(make_uuid_v7(now, random), make_uuid_v7(now + std::chrono::milliseconds(1), random));
}

TEST(Uuid, OnesOfAnInstantBeginWithItsFirst) {
  seeded_random random(7);
  for (int us = 0; us < 5000; ++us) {
    const time_point now(std::chrono::seconds(1'700'000'000) + std::chrono::microseconds(us));
    const uuid made = make_uuid_v7(now, random);
    EXPECT_LE(first_uuid_v7(now), made);
    EXPECT_LT(made, first_uuid_v7(now + std::chrono::microseconds(1)));
  }
  const uuid some = make_uuid_v7(time_point(std::chrono::seconds(1'700'000'000)), random);
  EXPECT_LT(first_uuid_v7(time_point::min()), some);
  EXPECT_LT(some, first_uuid_v7(time_point::max()));
}

TEST(SystemClock, IsCorrectedByWhatTheTimeOfTheQuestionCannotExplain) {
  system_clock clock;
  const time_point asked = clock.now();
  const auto apart = [&] { return clock.now() - system_clock().now(); };
  clock.compare(asked + std::chrono::milliseconds(3), asked, asked + std::chrono::milliseconds(5));
  EXPECT_LT(std::chrono::abs(apart()), std::chrono::seconds(1)) << "seen while it was asked";
  clock.compare(asked + std::chrono::hours(2), asked, asked);
  EXPECT_GT(apart(), std::chrono::minutes(119));
  clock.compare(asked, asked + std::chrono::hours(2), asked + std::chrono::hours(2));
  EXPECT_LT(std::chrono::abs(apart()), std::chrono::seconds(1)) << "and back";
}

TEST(TimeText, WritesMicrosecondsInUtc) {
  EXPECT_EQ(to_string(time_point(microseconds(1'700'000'000'000'042))), "2023-11-14T22:13:20.000042Z");
}

TEST(TimeText, ReadsTheFormsOtherProgramsWrite) {
  const time_point at(microseconds(1'700'000'000'500'000));
  for (const char* text : {"2023-11-14T22:13:20.5Z", "2023-11-14T22:13:20.500000Z", "2023-11-14 22:13:20.5"}) {
    EXPECT_EQ(parse_time(text), at) << text;
  }
  for (const char* text : {"", "2023-11-14", "2023-02-30T22:13:20Z", "2023-11-14T22:13:20.Z", "2023-11-14T25:13:20Z"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(JsonPath, FindsMembersAndElements) {
  const json root = json::parse(R"({"feed": {"items": [{"title": "a"}, {"title": "b"}]}, "n": 1})");
  ASSERT_NE(find_at_path(root, "feed.items[1].title"), nullptr);
  EXPECT_EQ(*find_at_path(root, "feed.items[1].title"), "b");
  EXPECT_EQ(*find_at_path(root, "n"), 1);
  EXPECT_EQ(find_at_path(root, "feed.items[2].title"), nullptr);
  EXPECT_EQ(find_at_path(root, "feed.none"), nullptr);
  EXPECT_EQ(find_at_path(root, "n.x"), nullptr);
}

TEST(JsonPath, RefusesMalformedPaths) {
  for (const char* path : {"", ".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "[0]", "a]", "a[0]b", "a[1"}) {
    EXPECT_FALSE(is_json_path(path)) << path;
  }
  for (const char* path : {"a", "a.b", "a[0]", "a[0][1].b", "a b"}) EXPECT_TRUE(is_json_path(path)) << path;
}

TEST(Hash, IsSha256) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace squid_mesh::inline v1
