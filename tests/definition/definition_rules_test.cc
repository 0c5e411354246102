// Each rule at run time: what is reported, and where.
#include "broken_documents.h"
#include "broken_flows.h"
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

namespace squid_mesh::inline v1 {
namespace {

json changed(const json& document, std::string_view pointer, std::string_view value) {
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

struct broken_kind {
  json original;
  const std::vector<broken_document>& broken;
};

std::vector<broken_kind> all_broken() {
  return {{sample_document(), broken_samples}, {flow_document(), broken_flows}, {joined_document(), broken_joins}};
}

TEST(definition_rules, each_is_reported_where_it_is_broken) {
  for (const auto& [original, all] : all_broken()) {
    EXPECT_EQ(problems_of(original), std::vector<told>{});
    for (const broken_document& broken : all) {
      const json document = changed(original, broken.pointer, broken.value);
      EXPECT_EQ(problems_of(document), broken.problems) << broken.pointer << " = " << broken.value;
    }
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
  const auto read = definition::from_json(changed(sample_document(), "/triggers/1/schedule", R"("0 24 * * *")"));
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
                             "trigger_and_its_schedule_have_different_time_zones", "condition_is_malformed"};
  for (const auto& [original, all] : all_broken()) {
    for (const broken_document& broken : all) {
      for (const auto& [path, rule] : broken.problems) seen.insert(rule);
    }
  }
  for (const detail::rule& rule : detail::all_rules) {
    EXPECT_TRUE(seen.contains(std::string(rule.name))) << rule.name;
  }
}

TEST(definition_rules, terms_of_a_condition_that_do_not_fit_together_are_a_problem) {
  using enum term_kind;
  const condition_term page{.is = exists, .path = "page"};
  const condition_term one{.is = constant, .value = 1};
  const std::vector<condition> malformed{
      {.terms = {page, page}},
      {.terms = {one}},
      {.terms = {{.is = all, .operands = 2}, page}},
      {.terms = {{.is = all, .operands = 1}, one}},
      {.terms = {{.is = negation, .operands = 2}, page, page}},
      {.terms = {{.is = in, .path = "page", .operands = 1}, page}},
      {.terms = {{.is = any, .operands = std::numeric_limits<std::size_t>::max()}, page}},
      {.terms = {{.is = exists, .path = "page", .operands = 1}, page}},
      negate({}),
  };
  for (const condition& when : malformed) {
    const declaration declared{
        .name = "demo.malformed",
        .triggers = {{.name = "manual"}},
        .steps = {{"only", bound_action}},
        .transitions = {{"only", on::ok, complete, when}, {"only", on::ok, complete}},
    };
    const auto read = definition::from(declared);
    ASSERT_FALSE(read.has_value());
    ASSERT_EQ(read.error().problems.size(), 1U);
    EXPECT_EQ(read.error().problems[0].path, "transitions[0].when");
    EXPECT_EQ(read.error().problems[0].rule, "condition_is_malformed");
  }
}

TEST(definition_rules, conditions_are_not_nested_without_end) {
  const auto nested = [](int depth) {
    json when = {{"path", "page"}, {"exists", true}};
    for (int i = 0; i < depth; ++i) {
      json outer = json::object();
      outer["not"] = std::move(when);
      when = std::move(outer);
    }
    json document = sample_document();
    document["transitions"][0]["when"] = std::move(when);
    document["transitions"].push_back({{"from", "fetch"}, {"to", "say"}});
    return document;
  };
  EXPECT_EQ(problems_of(nested(64)), std::vector<told>{});
  const auto problems = problems_of(nested(100'000));
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].second, "condition_is_nested_too_deeply");
  EXPECT_TRUE(problems[0].first.starts_with("transitions[0].when.not.not."));
}

TEST(definition_rules, conditions_compare_with_texts_numbers_and_booleans) {
  json too_deep = json::array();
  for (int i = 0; i < 100'000; ++i) {
    json outer = json::array();
    outer.push_back(std::move(too_deep));
    too_deep = std::move(outer);
  }
  json binary = json::binary({1, 2});
  json infinite = std::numeric_limits<double>::infinity();
  json not_utf8 = "caf\xE9";
  for (json* value : {&too_deep, &binary, &infinite, &not_utf8}) {
    json document = flow_document();
    document["transitions"][1]["when"]["equals"] = std::move(*value);
    const std::vector<told> expected{{"transitions[1].when.equals", "condition_value_is_not_a_text_number_or_boolean"}};
    EXPECT_EQ(problems_of(document), expected);
  }
}

TEST(definition_rules, a_condition_that_says_several_things_is_told_which) {
  const auto read = definition::from_json(changed(flow_document(), "/transitions/1/when/exists", "true"));
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().problems.at(0).message,
            "a condition says one thing, and this one says equals, too: \"exists\"");
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
}  // namespace squid_mesh::inline v1
