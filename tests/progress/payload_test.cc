// What a trigger accepts as a run's payload.
#include "progress/payload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

namespace squid_mesh::inline v1 {
namespace {

using namespace std::chrono_literals;

constexpr time_point late_evening{std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + 23h + 30min};

const definition& workflow() {
  static const definition read = definition::from_json(json::parse(R"({
    "name": "t",
    "triggers": [
      {"name": "manual", "timezone": "Asia/Tokyo", "payload": [
        {"name": "text", "type": "string"},
        {"name": "count", "type": "integer", "default": 3},
        {"name": "ratio", "type": "float", "optional": true},
        {"name": "flag", "type": "boolean", "optional": true},
        {"name": "map", "type": "object", "optional": true},
        {"name": "list", "type": "list", "optional": true},
        {"name": "day", "type": "string", "today": true},
        {"name": "token", "type": "string", "secret": true, "optional": true}]},
      {"name": "utc", "payload": [{"name": "day", "type": "string", "today": true}]}],
    "steps": [{"name": "a"}], "transitions": [{"from": "a", "to": "complete"}]})"))
                                     .value();
  return read;
}

result<std::string> accept(const json& payload, std::string_view trigger = "manual", std::size_t max_bytes = 10'000) {
  return accept_payload(*workflow().find_trigger(trigger), payload, late_evening, max_bytes);
}

/// The broken rules by path.
std::map<std::string, std::string> problems_of(const result<std::string>& refused) {
  std::map<std::string, std::string> found;
  if (refused) return found;
  EXPECT_EQ(refused.error().code, errc::invalid_payload);
  for (const problem& p : refused.error().problems) found[p.path] = p.rule;
  return found;
}

TEST(payload, defaults_are_filled_in_and_optional_fields_left_out) {
  const auto accepted = accept({{"text", "x"}});
  ASSERT_TRUE(accepted);
  EXPECT_EQ(json::parse(*accepted), (json{{"text", "x"}, {"count", 3}, {"day", "2026-11-23"}}));
}

TEST(payload, today_is_the_date_in_the_triggers_time_zone) {
  EXPECT_EQ(json::parse(accept({{"text", "x"}}).value()).at("day"), "2026-11-23");
  EXPECT_EQ(json::parse(accept(json::object(), "utc").value()).at("day"), "2026-11-22");
}

TEST(payload, given_values_win_over_defaults) {
  const json given = {{"text", "x"},       {"count", 0},       {"ratio", 0.5},        {"flag", false},
                      {"map", {{"a", 1}}}, {"list", {1, "x"}}, {"day", "2020-01-01"}, {"token", "t"}};
  EXPECT_EQ(json::parse(accept(given).value()), given);
}

TEST(payload, an_integer_is_a_float_but_not_the_other_way_round) {
  EXPECT_TRUE(accept({{"text", "x"}, {"ratio", 1}}));
  EXPECT_FALSE(accept({{"text", "x"}, {"count", 1.0}}));
}

TEST(payload, every_problem_is_in_one_error) {
  const auto refused = accept({{"count", "3"},
                               {"flag", 1},
                               {"map", json::array()},
                               {"list", json::object()},
                               {"ratio", nullptr},
                               {"surplus", 1}});
  const std::map<std::string, std::string> expected{
      {"payload.text", "field_is_missing"},         {"payload.count", "field_has_the_wrong_type"},
      {"payload.flag", "field_has_the_wrong_type"}, {"payload.map", "field_has_the_wrong_type"},
      {"payload.list", "field_has_the_wrong_type"}, {"payload.ratio", "field_has_the_wrong_type"},
      {"payload.surplus", "field_is_not_declared"}};
  EXPECT_EQ(problems_of(refused), expected);
}

TEST(payload, anything_but_an_object_is_refused) {
  for (const json& wrong : {json(), json(1), json("x"), json::array()}) {
    EXPECT_EQ(problems_of(accept(wrong)).at("payload"), "payload_is_not_an_object");
  }
}

TEST(payload, text_has_to_be_utf8) {
  EXPECT_EQ(problems_of(accept({{"text", "caf\xE9"}})).at("payload"), "payload_is_not_utf8");
}

TEST(payload, field_names_have_to_be_utf8_and_the_refusal_is) {
  const auto refused = accept({{"text", "x"}, {"\xE9", 1}});
  EXPECT_EQ(problems_of(refused).at("payload"), "payload_is_not_utf8");
  EXPECT_NO_THROW(static_cast<void>(to_json(refused.error()).dump()));
}

TEST(payload, the_limit_is_in_bytes_and_includes_what_is_filled_in) {
  const std::size_t size = accept({{"text", "x"}}).value().size();
  EXPECT_TRUE(accept({{"text", "x"}}, "manual", size));
  EXPECT_EQ(problems_of(accept({{"text", "x"}}, "manual", size - 1)).at("payload"), "payload_is_too_large");
}

TEST(payload, refusals_do_not_repeat_values) {
  const auto refused = accept({{"text", 1}, {"token", json::array({"hush-hush"})}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(to_string(refused.error()).find("hush-hush"), std::string::npos);
}

TEST(payload, secrets_are_the_values_of_secret_fields) {
  const json payload = {{"text", "open"}, {"token", "hush-hush"}};
  const redactor secrets = secrets_of(workflow(), "manual", payload);
  EXPECT_EQ(secrets.mask(payload), (json{{"text", "open"}, {"token", mask_text}}));
  EXPECT_EQ(secrets.mask(std::string("Bearer hush-hush")), "Bearer ********");
  EXPECT_TRUE(secrets_of(workflow(), "manual", {{"text", "x"}}).empty());
  EXPECT_TRUE(secrets_of(workflow(), "utc", payload).empty());
  EXPECT_TRUE(secrets_of(workflow(), "unknown", payload).empty());
  EXPECT_TRUE(secrets_of(workflow(), "manual", json::array()).empty());
}

}  // namespace
}  // namespace squid_mesh::inline v1
