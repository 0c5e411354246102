// Each rule at run time: what is reported, and where.
#include "sample.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/detail/rule.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace squid_mesh {
namespace {

/// Path and rule of a problem.
using told = std::pair<std::string, std::string>;

struct broken_document {
  std::string_view pointer;  ///< what to change in the sample
  std::string_view value;    ///< into which JSON; empty: remove it
  std::vector<told> problems;
};

json changed(std::string_view pointer, std::string_view value) {
  const json document = sample_document();
  const std::string op = value.empty() ? "remove" : "add";
  json patch = {{{"op", op}, {"path", pointer}}};
  if (!value.empty()) patch[0]["value"] = json::parse(value);
  return document.patch(patch);
}

std::vector<told> problems_of(const json& document) {
  const auto read = definition::from_json(document);
  if (read) return {};
  EXPECT_EQ(read.error().code, errc::invalid_definition);
  EXPECT_FALSE(read.error().retryable);
  std::vector<told> all;
  for (const problem& p : read.error().problems) {
    EXPECT_FALSE(p.message.empty());
    all.emplace_back(p.path, p.rule);
  }
  return all;
}

/// 128 bytes.
const std::string long_name = '"' + std::string(128, 'x') + '"';

const std::vector<broken_document> broken_documents{
    // Texts and names
    {"/name", R"("")", {{"name", "name_is_empty"}}},
    {"/name", R"("a\u0000b")", {{"name", "name_has_a_control_character"}}},
    {"/triggers/1/name", R"("")", {{"triggers[1].name", "name_is_empty"}}},
    {"/triggers/0/payload/7/name", R"("a\u007f")", {{"triggers[0].payload[7].name", "name_has_a_control_character"}}},
    {"/triggers/0/payload/7/name", long_name, {{"triggers[0].payload[7].name", "name_is_longer_than_127_bytes"}}},
    {"/triggers/0/payload/7/name", R"("a.b")", {{"triggers[0].payload[7].name", "key_has_a_dot_or_a_bracket"}}},
    {"/steps/3/output", R"("a[0]")", {{"steps[3].output", "key_has_a_dot_or_a_bracket"}}},
    {"/steps/3/output", R"("a\n")", {{"steps[3].output", "name_has_a_control_character"}}},
    {"/steps/0/input/0/name", R"("")", {{"steps[0].input[0].name", "name_is_empty"}}},
    // Triggers
    {"/triggers",
     "[]",
     {{"triggers", "workflow_has_no_trigger"},
      {"steps[0].input[0].path", "input_reads_a_key_that_nothing_before_it_produces"},
      {"steps[0].input[1].path", "input_reads_a_key_that_nothing_before_it_produces"},
      {"steps[4].input[0].path", "input_reads_a_key_that_nothing_before_it_produces"}}},
    {"/triggers/1/name", R"("by_hand")", {{"triggers[1].name", "trigger_is_declared_twice"}}},
    {"/triggers/1/schedule", R"("0 24 * * *")", {{"triggers[1].schedule", "cron_expression_is_malformed"}}},
    {"/triggers/1/schedule", R"("")", {{"triggers[1].schedule", "cron_expression_is_malformed"}}},
    {"/triggers/0/timezone", R"("Mars/Olympus")", {{"triggers[0].timezone", "time_zone_is_unknown"}}},
    {"/triggers/1/timezone", R"("")", {{"triggers[1].timezone", "time_zone_is_unknown"}}},
    // Payload fields
    {"/triggers/0/payload/7/name", R"("ids")", {{"triggers[0].payload[7].name", "payload_field_is_declared_twice"}}},
    {"/triggers/0/payload/0/default",
     "5",
     {{"triggers[0].payload[0].default", "default_does_not_match_the_type_of_its_field"}}},
    {"/triggers/0/payload/1/default",
     "1.5",
     {{"triggers[0].payload[1].default", "default_does_not_match_the_type_of_its_field"}}},
    {"/triggers/0/payload/2/default",
     "true",
     {{"triggers[0].payload[2].default", "default_does_not_match_the_type_of_its_field"}}},
    {"/triggers/0/payload/3/default",
     "0",
     {{"triggers[0].payload[3].default", "default_does_not_match_the_type_of_its_field"}}},
    {"/triggers/0/payload/4/default",
     "[]",
     {{"triggers[0].payload[4].default", "default_does_not_match_the_type_of_its_field"}}},
    {"/triggers/0/payload/5/default",
     "{}",
     {{"triggers[0].payload[5].default", "default_does_not_match_the_type_of_its_field"}}},
    {"/triggers/0/payload/1/default",
     "18446744073709551615",
     {{"triggers[0].payload[1].default", "default_does_not_match_the_type_of_its_field"}}},
    {"/triggers/0/payload/7/today",
     "true",
     {{"triggers[0].payload[7].today", "optional_field_has_a_default"},
      {"triggers[0].payload[7].today", "secret_field_has_a_default"}}},
    {"/triggers/0/payload/6/type",
     R"("integer")",
     {{"triggers[0].payload[6].today", "today_is_not_the_default_of_a_string"}}},
    {"/triggers/0/payload/0/optional", "true", {{"triggers[0].payload[0].default", "optional_field_has_a_default"}}},
    {"/triggers/0/payload/0/secret", "true", {{"triggers[0].payload[0].default", "secret_field_has_a_default"}}},
    {"/triggers/0/payload/0/today", "true", {{"triggers[0].payload[0].default", "payload_field_has_two_defaults"}}},
    // Steps
    {"/steps/4/name",
     R"("store")",
     {{"steps[4].name", "step_is_declared_twice"},
      {"transitions[1].to", "transition_targets_a_step_that_is_not_declared"},
      {"transitions[5].from", "transition_leaves_a_step_that_is_not_declared"}}},
    {"/steps/1/log/message", R"("")", {{"steps[1].log.message", "log_message_is_empty"}}},
    {"/steps/2/wait/duration_ms", "0", {{"steps[2].wait.duration_ms", "wait_duration_is_not_positive"}}},
    {"/steps/2/wait/duration_ms", "-5", {{"steps[2].wait.duration_ms", "wait_duration_is_not_positive"}}},
    {"/steps/2/wait/duration_ms",
     "9223372036854775807",
     {{"steps[2].wait.duration_ms", "duration_is_longer_than_a_century"}}},
    {"/steps/1/output", R"("line")", {{"steps[1]", "built_in_step_has_options_of_an_action"}}},
    {"/steps/2/timeout_ms", "5", {{"steps[2]", "built_in_step_has_options_of_an_action"}}},
    {"/steps/2/transactional", "true", {{"steps[2]", "built_in_step_has_options_of_an_action"}}},
    {"/steps/2/retry", R"({"max_attempts": 2})", {{"steps[2]", "built_in_step_has_options_of_an_action"}}},
    {"/steps/0/timeout_ms", "-1", {{"steps[0].timeout_ms", "timeout_is_negative"}}},
    {"/steps/0/timeout_ms", "3155760000001", {{"steps[0].timeout_ms", "duration_is_longer_than_a_century"}}},
    {"/steps/0/retry/max_attempts", "0", {{"steps[0].retry.max_attempts", "retry_max_attempts_is_below_one"}}},
    {"/steps/0/retry/max_attempts", "-1", {{"steps[0].retry.max_attempts", "retry_max_attempts_is_below_one"}}},
    {"/steps/0/retry/max_attempts", "", {{"steps[0].retry", "retry_backoff_lacks_max_attempts"}}},
    {"/steps/0/retry/backoff/min_ms", "-1", {{"steps[0].retry.backoff.min_ms", "retry_backoff_is_negative"}}},
    {"/steps/0/retry/backoff/max_ms", "999", {{"steps[0].retry.backoff.max_ms", "retry_backoff_max_is_below_its_min"}}},
    {"/steps/0/retry/backoff/max_ms",
     "9223372036854775807",
     {{"steps[0].retry.backoff.max_ms", "duration_is_longer_than_a_century"}}},
    {"/steps/0/retry/backoff/factor",
     "0.5",
     {{"steps[0].retry.backoff.factor", "retry_backoff_factor_is_not_in_1_to_1000"}}},
    {"/steps/0/retry/backoff/factor",
     "1e300",
     {{"steps[0].retry.backoff.factor", "retry_backoff_factor_is_not_in_1_to_1000"}}},
    {"/steps/0/retry/backoff/jitter",
     "1.5",
     {{"steps[0].retry.backoff.jitter", "retry_backoff_jitter_is_not_in_0_to_1"}}},
    {"/steps/0/retry/backoff/jitter",
     "-0.1",
     {{"steps[0].retry.backoff.jitter", "retry_backoff_jitter_is_not_in_0_to_1"}}},
    {"/steps/0/input/1/name", R"("url")", {{"steps[0].input[1].name", "input_is_declared_twice"}}},
    {"/steps/0/input/1/path", R"("options.a[x]")", {{"steps[0].input[1].path", "input_path_is_malformed"}}},
    {"/steps/0/input/1/path", R"("")", {{"steps[0].input[1].path", "input_path_is_malformed"}}},
    // Only what succeeded before has left an output: not the step itself, and not the step that failed.
    {"/steps/3/input/0/path",
     R"("pgae.body")",
     {{"steps[3].input[0].path", "input_reads_a_key_that_nothing_before_it_produces"}}},
    {"/steps/0/input/0/path",
     R"("page")",
     {{"steps[0].input[0].path", "input_reads_a_key_that_nothing_before_it_produces"}}},
    {"/steps/4/input/0/path",
     R"("page")",
     {{"steps[4].input[0].path", "input_reads_a_key_that_nothing_before_it_produces"}}},
    // Transitions
    {"/steps",
     "[]",
     {{"steps", "workflow_has_no_step"},
      {"transitions[0].from", "transition_leaves_a_step_that_is_not_declared"},
      {"transitions[0].to", "transition_targets_a_step_that_is_not_declared"},
      {"transitions[1].from", "transition_leaves_a_step_that_is_not_declared"},
      {"transitions[1].to", "transition_targets_a_step_that_is_not_declared"},
      {"transitions[2].from", "transition_leaves_a_step_that_is_not_declared"},
      {"transitions[2].to", "transition_targets_a_step_that_is_not_declared"},
      {"transitions[3].from", "transition_leaves_a_step_that_is_not_declared"},
      {"transitions[3].to", "transition_targets_a_step_that_is_not_declared"},
      {"transitions[4].from", "transition_leaves_a_step_that_is_not_declared"},
      {"transitions[5].from", "transition_leaves_a_step_that_is_not_declared"}}},
    {"/steps/0/name",
     R"("complete")",
     {{"steps[0].name", "step_is_named_like_the_end_of_a_run"},
      {"transitions[0].from", "transition_leaves_a_step_that_is_not_declared"},
      {"transitions[1].from", "transition_leaves_a_step_that_is_not_declared"}}},
    {"/transitions/2/from",
     R"("complete")",
     {{"transitions[2].from", "transition_leaves_a_step_that_is_not_declared"}}},
    {"/transitions/2/to", R"("rset")", {{"transitions[2].to", "transition_targets_a_step_that_is_not_declared"}}},
    {"/transitions/1/on", R"("ok")", {{"transitions[1].on", "transition_is_declared_twice"}}},
    {"/transitions/4/to", R"("store")", {{"transitions[4].to", "transitions_form_a_cycle"}}},
    {"/transitions/4/to", R"("fetch")", {{"transitions[4].to", "transitions_form_a_cycle"}}},
    {"/transitions/1", "", {{"steps[4]", "step_is_not_reachable"}}},
    {"/transitions/4", "", {{"steps[3]", "step_has_no_transition_on_ok"}}},
    // The shape of the document
    {"", "5", {{"", "json_has_the_wrong_type"}}},
    {"/name", "", {{"name", "json_key_is_missing"}}},
    {"/steps", "", {{"steps", "json_key_is_missing"}}},
    {"/steps", "{}", {{"steps", "json_has_the_wrong_type"}}},
    {"/steps/2", "[]", {{"steps[2]", "json_has_the_wrong_type"}}},
    {"/steps/0/colour", "5", {{"steps[0]", "json_key_is_unknown"}}},
    {"/steps/0/kind", R"("approval")", {{"steps[0].kind", "json_word_is_unknown"}}},
    {"/steps/0/wait", "{}", {{"steps[0].wait", "json_key_is_unknown"}}},
    {"/steps/1/log", "", {{"steps[1].log", "json_key_is_missing"}}},
    {"/steps/1/log/level", R"("loud")", {{"steps[1].log.level", "json_word_is_unknown"}}},
    {"/steps/0/retry/max_attempts", "2147483648", {{"steps[0].retry.max_attempts", "json_number_is_out_of_range"}}},
    {"/steps/0/timeout_ms", "18446744073709551615", {{"steps[0].timeout_ms", "json_number_is_out_of_range"}}},
    {"/steps/0/timeout_ms", "1.5", {{"steps[0].timeout_ms", "json_has_the_wrong_type"}}},
    {"/triggers/0/payload/0/type", R"("text")", {{"triggers[0].payload[0].type", "json_word_is_unknown"}}},
    {"/transitions/3/on", R"("maybe")", {{"transitions[3].on", "json_word_is_unknown"}}},
};

TEST(definition_rules, each_is_reported_where_it_is_broken) {
  for (const broken_document& broken : broken_documents) {
    const json document = changed(broken.pointer, broken.value);
    EXPECT_EQ(problems_of(document), broken.problems) << broken.pointer << " = " << broken.value;
  }
}

TEST(definition_rules, text_must_be_utf8) {
  for (const std::string_view pointer : {"/name", "/version", "/triggers/0/name", "/triggers/0/payload/7/name",
                                         "/steps/3/output", "/steps/1/log/message", "/steps/0/input/0/name"}) {
    json document = sample_document();
    document[json::json_pointer(std::string(pointer))] = "caf\xE9";
    const auto problems = problems_of(document);
    ASSERT_EQ(problems.size(), 1U) << pointer;
    EXPECT_EQ(problems[0].second, "text_is_not_utf8") << pointer;
  }
}

TEST(definition_rules, a_default_must_be_json_that_can_be_written_and_read_back) {
  json too_deep = json::array();
  for (int i = 0; i < 100'000; ++i) {
    json outer = json::array();
    outer.push_back(std::move(too_deep));
    too_deep = std::move(outer);
  }
  json binary = json::array();
  binary.push_back(json::binary({1, 2}));
  json infinite = json::array();
  infinite.push_back(std::numeric_limits<double>::infinity());
  json not_utf8 = json::array();
  not_utf8.push_back("caf\xE9");
  for (json* value : {&too_deep, &binary, &infinite, &not_utf8}) {
    json document = sample_document();
    document["triggers"][0]["payload"][5]["default"] = std::move(*value);
    const std::vector<told> expected{{"triggers[0].payload[5].default", "default_is_not_a_json_value"}};
    EXPECT_EQ(problems_of(document), expected);
  }
}

TEST(definition_rules, several_problems_are_reported_at_once) {
  json document = sample_document();
  document["steps"][0]["retry"]["max_attempts"] = 0;
  document["steps"][0]["colour"] = "red";
  document["triggers"][1]["schedule"] = "sometimes";
  document["triggers"][1]["timezone"] = "Mars/Olympus";
  document["transitions"][4]["to"] = "nowhere";
  const std::vector<told> expected{{"triggers[1].timezone", "time_zone_is_unknown"},
                                   {"steps[0]", "json_key_is_unknown"},
                                   {"triggers[1].schedule", "cron_expression_is_malformed"},
                                   {"steps[0].retry.max_attempts", "retry_max_attempts_is_below_one"},
                                   {"transitions[4].to", "transition_targets_a_step_that_is_not_declared"}};
  EXPECT_EQ(problems_of(document), expected);
}

TEST(definition_rules, a_message_names_the_culprit) {
  json document = sample_document();
  document["transitions"][4]["to"] = "nowhere";
  const auto read = definition::from_json(document);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().message, "the workflow \"demo.sample\" breaks 1 rule");
  EXPECT_EQ(read.error().problems.at(0).message, "no step has the name: \"nowhere\"");
}

TEST(definition_rules, a_malformed_schedule_says_what_is_wrong_with_it) {
  const auto read = definition::from_json(changed("/triggers/1/schedule", R"("0 24 * * *")"));
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().problems.at(0).message,
            "the schedule is not a cron expression: \"0 24 * * *\" (hour: a value is out of range)");
}

TEST(definition_rules, an_action_without_output_may_produce_any_key) {
  json document = sample_document();
  document["steps"][0].erase("output");
  document["steps"][3]["input"][0]["path"] = "anything[3]";
  EXPECT_EQ(problems_of(document), std::vector<told>{});
}

TEST(definition_rules, every_rule_is_tested) {
  // Those that have tests of their own, as JSON text can't break them.
  std::set<std::string> seen{"text_is_not_utf8", "default_is_not_a_json_value",
                             "trigger_and_its_schedule_have_different_time_zones"};
  for (const broken_document& broken : broken_documents) {
    for (const auto& [path, rule] : broken.problems) seen.insert(rule);
  }
  for (const detail::rule& rule : detail::all_rules) {
    EXPECT_TRUE(seen.contains(std::string(rule.name))) << rule.name;
  }
}

TEST(definition_rules, declarations_are_checked_at_run_time_too) {
  const declaration declared{
      .name = "demo.broken",
      .triggers = {{.name = "nightly", .schedule = cron{"@daily", "Asia/Tokyo"}, .timezone = "Europe/Berlin"}},
      .steps = {{"only", bound_action, {.output = "a.b"}}},
      .transitions = {{"only", on::ok, complete}, {"only", on::error, "nowhere"}},
  };
  const auto read = definition::from(declared);
  ASSERT_FALSE(read.has_value());
  std::vector<told> problems;
  for (const problem& p : read.error().problems) problems.emplace_back(p.path, p.rule);
  const std::vector<told> expected{{"triggers[0].timezone", "trigger_and_its_schedule_have_different_time_zones"},
                                   {"steps[0].output", "key_has_a_dot_or_a_bracket"},
                                   {"transitions[1].to", "transition_targets_a_step_that_is_not_declared"}};
  EXPECT_EQ(problems, expected);
}

TEST(definition_rules, a_time_zone_that_does_not_exist_is_a_problem_of_a_declaration) {
  const declaration declared{
      .name = "demo.zone",
      .triggers = {{.name = "nightly", .schedule = cron{"@daily", "Mars/Olympus"}}},
      .steps = {{"only", bound_action}},
      .transitions = {{"only", on::ok, complete}},
  };
  const auto read = definition::from(declared);
  ASSERT_FALSE(read.has_value());
  ASSERT_EQ(read.error().problems.size(), 1U);
  EXPECT_EQ(read.error().problems[0].path, "triggers[0].timezone");
  EXPECT_EQ(read.error().problems[0].rule, "time_zone_is_unknown");
}

}  // namespace
}  // namespace squid_mesh
