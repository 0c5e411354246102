#include "sample.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/workflow.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace squid_mesh {
namespace {

using namespace std::chrono_literals;

json fetch(const json& input) { return input; }

/// The same workflow as `sample_document()`.
constexpr declaration sample = workflow({
    .name = "demo.sample",
    .version = "3",
    .triggers = {{.name = "by_hand",
                  .timezone = "Europe/Berlin",
                  .payload = {{"url", type::string, value("https://example.com")},
                              {"limit", type::integer, value(10)},
                              {"ratio", type::floating, value(1)},
                              {"dry_run", type::boolean, value(false)},
                              {"options", type::object, json_value(R"({"a": [1, 2.5, null]})")},
                              {"ids", type::list, json_value("[]")},
                              {"day", type::string, today},
                              {"token", type::string, secret, optional}}},
                 {.name = "nightly", .schedule = cron{"30 2 * * MON-FRI", "Asia/Tokyo"}}},
    .steps = {{"fetch",
               action<fetch>,
               {.input = {"url", {"first", "options.a[0]"}},
                .output = "page",
                .retry = {.max_attempts = 5, .backoff = exponential(1s, 1min, 0.5)},
                .timeout = 30s}},
              {"say", squid_mesh::log{"Fetched", level::warning}},
              {"rest", wait{1h}},
              {"store", bound_action, {.input = {{"body", "page.body"}}}},
              {"give_up", bound_action, {.input = {"url"}}}},
    .transitions = {{"fetch", on::ok, "say"},
                    {"fetch", on::error, "give_up"},
                    {"say", on::ok, "rest"},
                    {"rest", on::ok, "store"},
                    {"store", on::ok, complete},
                    {"give_up", on::ok, complete}},
});

definition read(const json& document) {
  auto found = definition::from_json(document);
  if (!found) throw std::runtime_error(to_string(found.error()));
  return *std::move(found);
}

TEST(definition, a_declaration_and_its_json_are_the_same_workflow) {
  const auto declared = definition::from(sample);
  ASSERT_TRUE(declared.has_value()) << to_string(declared.error());
  const definition from_text = read(sample_document());
  EXPECT_EQ(declared->to_json(), from_text.to_json());
  EXPECT_EQ(declared->fingerprint(), from_text.fingerprint());
}

TEST(definition, canonical_json_reads_back_as_itself) {
  const definition first = read(sample_document());
  const definition second = read(json::parse(first.to_json().dump()));
  EXPECT_EQ(second.to_json().dump(), first.to_json().dump());
  EXPECT_EQ(second.fingerprint(), first.fingerprint());
}

TEST(definition, canonical_json_has_every_key) {
  const json document = read(sample_document()).to_json();
  const json expected_field = {{"name", "ratio"}, {"type", "float"}, {"default", 1.0},
                               {"today", false},  {"secret", false}, {"optional", false}};
  EXPECT_EQ(document["triggers"][0]["payload"][2].dump(), expected_field.dump());
  const json expected_trigger = {
      {"name", "nightly"}, {"schedule", "30 2 * * MON-FRI"}, {"timezone", "Asia/Tokyo"}, {"payload", json::array()}};
  EXPECT_EQ(document["triggers"][1], expected_trigger);
  EXPECT_EQ(document["triggers"][0]["schedule"], nullptr);
  const json expected_step = {
      {"name", "rest"},   {"kind", "wait"},  {"input", json::array()}, {"output", ""},
      {"retry", nullptr}, {"timeout_ms", 0}, {"log", nullptr},         {"wait", {{"duration_ms", 3'600'000}}}};
  EXPECT_EQ(document["steps"][2], expected_step);
  const json expected_retry = {{"max_attempts", 5},
                               {"backoff", {{"min_ms", 1000}, {"max_ms", 60'000}, {"factor", 2.0}, {"jitter", 0.5}}}};
  EXPECT_EQ(document["steps"][0]["retry"], expected_retry);
  const json expected_log = {{"message", "Fetched"}, {"level", "warning"}};
  EXPECT_EQ(document["steps"][1]["log"], expected_log);
  EXPECT_EQ(document["transitions"][3]["on"], "ok");
}

TEST(definition, the_fingerprint_is_stored_so_it_never_changes) {
  EXPECT_EQ(read(sample_document()).fingerprint(), "1cd18311bada73b2f2e1b6e8c3034f225142bcd36bb9e55ad82c0f9e099181ad");
}

TEST(definition, every_change_gives_another_fingerprint) {
  const definition original = read(sample_document());
  const json changes = json::parse(R"([
    ["/name", "demo.other"], ["/version", "4"],
    ["/triggers/0/name", "manual"], ["/triggers/0/timezone", "Etc/UTC"],
    ["/triggers/0/payload/0/default", "https://example.org"], ["/triggers/0/payload/0/default", null],
    ["/triggers/0/payload/1/default", 11], ["/triggers/0/payload/1/name", "most"],
    ["/triggers/0/payload/4/default", {"a": [1, 2.5, false]}], ["/triggers/0/payload/6/today", false],
    ["/triggers/0/payload/7/secret", false], ["/triggers/0/payload/7/optional", false],
    ["/triggers/0/payload/7/type", "list"],
    ["/triggers/1/schedule", "31 2 * * MON-FRI"], ["/triggers/1/schedule", null],
    ["/steps/0/output", "pages"], ["/steps/0/timeout_ms", 30001], ["/steps/0/transactional", true], ["/steps/0/input/0/name", "link"],
    ["/steps/0/input/1/path", "options.a[1]"],
    ["/steps/0/retry", null], ["/steps/0/retry/max_attempts", 6], ["/steps/0/retry/backoff/min_ms", 1001],
    ["/steps/0/retry/backoff/max_ms", 60001], ["/steps/0/retry/backoff/factor", 3],
    ["/steps/0/retry/backoff/jitter", 0.25],
    ["/steps/1/log/message", "Got it"], ["/steps/1/log/level", "info"], ["/steps/2/wait/duration_ms", 1],
    ["/transitions/1/to", "complete"]
  ])");
  std::set<std::string> fingerprints{original.fingerprint()};
  for (const json& change : changes) {
    json document = original.to_json();
    const std::string pointer = change[0];
    document[json::json_pointer(pointer)] = change[1];
    // What the change leaves behind without a transition or a producer is taken along.
    if (pointer == "/transitions/1/to") {
      document["transitions"].erase(5);
      document["steps"].erase(4);
    }
    if (pointer == "/steps/0/output") document["steps"][3]["input"][0]["path"] = "pages.body";
    EXPECT_TRUE(fingerprints.insert(read(document).fingerprint()).second) << change;
  }
}

TEST(definition, the_order_of_keys_and_left_out_defaults_do_not_matter) {
  json document = read(sample_document()).to_json();
  const std::string fingerprint = read(document).fingerprint();
  document["steps"][3].erase("kind");
  document["steps"][3].erase("retry");
  document["transitions"][0].erase("on");
  document["triggers"][0].erase("schedule");
  EXPECT_EQ(read(document).fingerprint(), fingerprint);
}

TEST(definition, parts_are_as_declared) {
  const definition d = read(sample_document());
  EXPECT_EQ(d.name(), "demo.sample");
  EXPECT_EQ(d.version(), "3");
  ASSERT_NE(d.find_trigger("nightly"), nullptr);
  EXPECT_EQ(d.find_trigger("nightly")->schedule->expression, "30 2 * * MON-FRI");
  EXPECT_EQ(d.find_trigger("nightly")->schedule->timezone, "Asia/Tokyo");
  EXPECT_EQ(d.find_trigger("nightly")->timezone, "Asia/Tokyo");
  EXPECT_FALSE(d.find_trigger("by_hand")->schedule.has_value());
  EXPECT_EQ(d.find_trigger("nobody"), nullptr);

  const auto& payload = d.find_trigger("by_hand")->payload;
  EXPECT_EQ(payload[2].fallback, json(1.0));
  EXPECT_TRUE(payload[2].fallback->is_number_float());
  EXPECT_TRUE(payload[6].is_today);
  EXPECT_FALSE(payload[6].fallback.has_value());
  EXPECT_TRUE(payload[7].is_secret && payload[7].is_optional);

  const auto& fetch_step = d.steps()[0];
  EXPECT_EQ(fetch_step.input[1].name, "first");
  EXPECT_EQ(fetch_step.input[1].path, "options.a[0]");
  EXPECT_EQ(fetch_step.retry.backoff, exponential(1s, 1min, 0.5));
  EXPECT_EQ(fetch_step.timeout, 30s);
  EXPECT_EQ(d.steps()[1].log_message, "Fetched");
  EXPECT_EQ(d.steps()[1].log_severity, level::warning);
  EXPECT_EQ(d.steps()[2].wait_duration, 1h);
  EXPECT_EQ(d.steps()[3].retry.max_attempts, retry_policy::unset);
}

TEST(definition, next_follows_the_transitions) {
  json document = sample_document();
  std::swap(document["steps"][0], document["steps"][4]);  // The entry need not come first.
  const definition d = read(document);
  const std::size_t entry = d.entry();
  EXPECT_EQ(d.steps()[entry].name, "fetch");
  EXPECT_EQ(entry, 4U);
  EXPECT_EQ(d.find_step("give_up"), 0U);
  EXPECT_EQ(d.find_step("complete"), std::nullopt);

  ASSERT_TRUE(d.next(entry, on::ok).has_value());
  EXPECT_EQ(d.next(entry, on::ok)->step, d.find_step("say"));
  EXPECT_EQ(d.next(entry, on::error)->step, d.find_step("give_up"));
  const std::size_t store = *d.find_step("store");
  ASSERT_TRUE(d.next(store, on::ok).has_value());
  EXPECT_EQ(d.next(store, on::ok)->step, std::nullopt);
  EXPECT_FALSE(d.next(store, on::error).has_value());
  EXPECT_FALSE(d.next(99, on::ok).has_value());
}

TEST(definition, lists_have_a_limit) {
  json document = sample_document();
  for (int i = 0; i < 1000; ++i) document["transitions"].push_back({{"from", "x"}, {"to", "y"}});
  const auto found = definition::from_json(document);
  ASSERT_FALSE(found.has_value());
  ASSERT_EQ(found.error().problems.size(), 1U);
  EXPECT_EQ(found.error().problems[0].path, "transitions");
  EXPECT_EQ(found.error().problems[0].rule, "json_list_is_longer_than_1000");
}

TEST(definition, a_long_chain_is_fine) {
  json document = sample_document();
  json steps = json::array();
  json transitions = json::array();
  for (int i = 0; i < 1000; ++i) {
    steps.push_back({{"name", std::to_string(i)}});
    transitions.push_back({{"from", std::to_string(i)}, {"to", i < 999 ? std::to_string(i + 1) : "complete"}});
  }
  document["steps"] = steps;
  document["transitions"] = transitions;
  EXPECT_EQ(read(document).steps().size(), 1000U);
}

}  // namespace
}  // namespace squid_mesh
