// Trace contexts as the W3C writes them, and the ids that runs and attempts have.
#include <squid_mesh/telemetry.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace squid_mesh {
namespace {

const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

telemetry_event attempt(int number, int visit, std::optional<std::size_t> element, const std::string& step = "pay") {
  return {.kind = telemetry_kind::step_started,
          .run = *run_id::parse("0193fd51-7c1a-7e31-9c5f-1f2e3d4c5b6a"),
          .step = step,
          .visit = visit,
          .attempt = number,
          .element = element};
}

TEST(traceparent, is_read_as_the_standard_says) {
  const auto parts = parse_traceparent(good);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(parts->span_id, "00f067aa0ba902b7");
  EXPECT_TRUE(parts->is_sampled);
  EXPECT_FALSE(parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")->is_sampled);
  EXPECT_TRUE(parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff")->is_sampled);
  EXPECT_TRUE(parse_traceparent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"))
      << "later versions may say more";
}

TEST(traceparent, anything_else_is_none) {
  for (const char* text : {"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
                           "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01"}) {
    EXPECT_FALSE(parse_traceparent(text)) << text;
  }
}

TEST(traceparent, of_an_attempt_is_in_the_callers_trace_and_the_same_everywhere) {
  telemetry_event event = attempt(1, 1, std::nullopt);
  event.traceparent = good;
  const auto parts = parse_traceparent(traceparent_of(event));
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_NE(parts->span_id, "00f067aa0ba902b7");
  EXPECT_EQ(traceparent_of(event), traceparent_of(event));
  event.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
  EXPECT_FALSE(parse_traceparent(traceparent_of(event))->is_sampled);
}

TEST(traceparent, without_a_caller_the_run_has_a_trace_of_its_own) {
  const auto parts = parse_traceparent(traceparent_of(attempt(1, 1, std::nullopt)));
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->trace_id, "0193fd517c1a7e319c5f1f2e3d4c5b6a");
}

TEST(traceparent, each_attempt_has_a_span_of_its_own) {
  std::set<std::string> spans;
  for (const auto& each : {attempt(1, 1, {}), attempt(2, 1, {}), attempt(1, 2, {}), attempt(1, 1, 0), attempt(1, 1, 1),
                           attempt(1, 1, {}, "ship"), telemetry_event{.run = attempt(1, 1, {}).run}}) {
    spans.insert(traceparent_of(each));
  }
  EXPECT_EQ(spans.size(), 7U);
}

}  // namespace
}  // namespace squid_mesh
