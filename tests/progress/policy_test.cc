// Backoff, limits, inputs and outputs.
#include "progress/policy.h"

#include "progress/driven_run.h"

#include <gtest/gtest.h>

#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;

struct delay_case {
  retry_policy policy;
  std::optional<milliseconds> retry_after;
  int counted = 0;
  double chance = 0;
  std::optional<microseconds> expected;
};

TEST(policy, the_delay_after_a_retryable_failure) {
  const retry_policy doubling{.max_attempts = 5, .backoff = exponential(1s, 5s)};
  const retry_policy jittered{.max_attempts = 5, .backoff = exponential(1s, 5s, 0.5)};
  const std::vector<delay_case> cases = {
      {doubling, {}, 1, 0, 1s},
      {doubling, {}, 2, 0, 2s},
      {doubling, {}, 3, 0, 4s},
      {doubling, {}, 4, 0, 5s},            // not more than max
      {doubling, {}, 5, 0, std::nullopt},  // that was the last
      {doubling, {}, 1, 0.99, 1s},         // no jitter was declared
      {jittered, {}, 1, 0.5, 1250ms},
      {jittered, {}, 4, 0.5, 6250ms},  // jitter comes on top of max
      {doubling, 30s, 1, 0, 30s},      // what the failing side asks for is the least
      {doubling, 500ms, 1, 0, 1s},
      {doubling, -5s, 1, 0, 1s},
      {{.max_attempts = 3}, {}, 1, 0, 0s},
      {{.max_attempts = 1, .backoff = constant(1s)}, {}, 1, 0, std::nullopt},
      {{}, {}, 1, 0, std::nullopt},                                               // unset: one failure is final
      {{.max_attempts = 5000, .backoff = exponential(1s, 5s)}, {}, 4000, 0, 5s},  // 2^3999 is infinite
  };
  for (const auto& c : cases) {
    EXPECT_EQ(delay_after_failure(c.policy, retryable("x", c.retry_after), c.counted, c.chance), c.expected)
        << "after " << c.counted << " with chance " << c.chance;
  }
}

TEST(policy, the_first_delay_is_capped_too) {
  const retry_policy inverted{.max_attempts = 3, .backoff = {.min = 10s, .max = 2s}};
  EXPECT_EQ(delay_after_failure(inverted, retryable("x"), 1, 0), 2s);
}

TEST(policy, no_retry_is_granted_to_a_permanent_failure) {
  EXPECT_EQ(delay_after_failure({.max_attempts = 5}, permanent("x"), 1, 0), std::nullopt);
}

TEST(policy, a_backoff_from_zero_stays_zero_however_often) {
  EXPECT_EQ(delay_after_failure({.max_attempts = 5000}, retryable("x"), 4000, 0), 0s);
}

TEST(policy, losses_are_limited_by_the_policy_or_by_ten) {
  EXPECT_TRUE(runs_again_after_loss({}, 9));
  EXPECT_FALSE(runs_again_after_loss({}, 10));
  EXPECT_TRUE(runs_again_after_loss({.max_attempts = 3}, 2));
  EXPECT_FALSE(runs_again_after_loss({.max_attempts = 3}, 3));
}

TEST(policy, input_is_selected_by_path_and_names_all_that_is_missing) {
  definition::step step;
  step.name = "s";
  step.input = {{"title", "feed.items[0].title"}, {"feed", "feed"}};
  const json context = {{"feed", {{"items", {{{"title", "t"}}}}}}, {"other", 1}};
  EXPECT_EQ(select_input(step, context), (json{{"title", "t"}, {"feed", context["feed"]}}));

  const auto missing = select_input(step, json::object());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, errc::missing_input);
  ASSERT_EQ(missing.error().problems.size(), 2U);
  EXPECT_EQ(missing.error().problems[0].path, "feed.items[0].title");
  EXPECT_EQ(missing.error().problems[1].path, "feed");
}

TEST(policy, outputs_that_can_be_stored) {
  const auto workflow = read_workflow(R"([{"name": "merged", "compensate": {}}, {"name": "keyed", "output": "key"}])",
                                      R"([{"from": "merged", "to": "keyed"}, {"from": "keyed", "to": "complete"}])");
  const std::size_t merged = 0;
  const std::size_t keyed = 1;
  const std::size_t compensation = 2;
  EXPECT_EQ(encode_output(*workflow, merged, nullptr), "");
  EXPECT_EQ(encode_output(*workflow, merged, {{"a", 1}}), R"({"a":1})");
  EXPECT_EQ(encode_output(*workflow, keyed, 7), "7");
  EXPECT_EQ(encode_output(*workflow, compensation, 7), "7");
  EXPECT_FALSE(encode_output(*workflow, merged, 7));
  EXPECT_FALSE(encode_output(*workflow, keyed, "caf\xE9"));
}

}  // namespace
}  // namespace squid_mesh::testing
