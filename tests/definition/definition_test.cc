#include "sample.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/workflow.hpp>

#include <gtest/gtest.h>

#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
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

/// The same workflow as `flow_document()`.
constexpr declaration flow = workflow({
    .name = "demo.flow",
    .queue = "reviews",
    .triggers = {{.name = "nightly",
                  .schedule = cron{.expression = "0 3 * * *",
                                   .timezone = "Europe/Oslo",
                                   .missed = missed_ticks::run_all,
                                   .missed_limit = 5,
                                   .overlap = overlap::skip},
                  .payload = {{"country", type::string, value("NO")}}}},
    .steps = {{"score", bound_action, {.output = "risk", .queue = "models", .compensatable = false}},
              {"approve", approval{.quorum = 2, .expires_in = 24h, .on_expiry = expiry::error}, {.output = "review"}},
              {"rework",
               bound_action,
               {.input = {{"why", "review.reason"}, {"at", "schedule"}},
                .output = "draft",
                .compensate =
                    compensation(bound_action, {.retry = {.max_attempts = 3}, .timeout = 5s, .transactional = true})}},
              {"hold", squid_mesh::pause{.expires_in = 1h}},
              {"paid", await_event{.name = "payment.received", .timeout = 1min}},
              {"remind", squid_mesh::log{"Please pay"}, {.queue = "texts"}},
              {"ship",
               bound_action,
               {.input = {{"receipt", "paid.id"}, {"by", "hold.by"}, "draft"}, .irreversible = true}}},
    .transitions =
        {{"score", on::ok, "approve",
          any({greater_than("risk.score", 70), all({in("country", {"NO", "SE"}), negate(exists("risk.waiver"))}),
               not_equals("risk.levels[0]", "low"), less_than("risk.ratio", 0.5)})},
         {"score", on::ok, "hold", equals("risk.is_unclear", true), 2},
         {"score", on::ok, "paid"},
         {"approve", on::ok, "hold"},
         {.from = "approve", .on = on::error, .to = "rework", .at_most = 3, .recovery = recovery::compensation},
         {"approve", on::error, complete},
         {.from = "rework", .to = "score", .at_most = 3},
         {"rework", on::ok, complete},
         {"hold", on::ok, "paid"},
         {"paid", on::ok, "ship"},
         {.from = "paid", .on = on::timeout, .to = "remind", .at_most = 2},
         {"paid", on::timeout, complete},
         {"remind", on::ok, "paid"},
         {"ship", on::ok, complete}},
});

/// The same workflow as `joined_document()`.
constexpr declaration joined = workflow({
    .name = "demo.joined",
    .triggers = {{.name = "manual", .payload = {{"url", type::string}}}},
    .steps =
        {{"fetch", bound_action, {.input = {"url"}, .output = "page"}},
         {"prices", bound_action, {.output = "prices"}},
         {"check", approval{}, {.after = {"fetch"}}},
         {"merge",
          bound_action,
          {.input = {{"page", "page.body"}, "prices", {"by", "check.by"}},
           .output = "page",
           .after = {"prices", "check"}}},
         {"arrived", await_event{"truck.arrived"}, {.after = {"prices"}}},
         {"tell", squid_mesh::log{"Merged"}, {.after = {"merge", "arrived"}}},
         {"ship",
          child{.workflow = "demo.deliver", .trigger = "now", .on_cancel = on_parent_cancel::abandon},
          {.input = {"page"}, .output = "shipped", .retry = {.max_attempts = 2}, .timeout = 1s, .after = {"merge"}}},
         {"each",
          for_each{.action = bound_action,
                   .list = "shipped.parcels",
                   .parallel = 4,
                   .on_failure = on_element_failure::tolerate,
                   .tolerated = 0.25},
          {.output = "all", .after = {"ship"}}}},
});

definition read(const json& document) {
  auto found = definition::from_json(document);
  if (!found) throw std::runtime_error(to_string(found.error()));
  return *std::move(found);
}

struct both_forms {
  const declaration& declared;
  json document;
};

std::vector<both_forms> samples() {
  return {{sample, sample_document()}, {flow, flow_document()}, {joined, joined_document()}};
}

TEST(definition, a_declaration_and_its_json_are_the_same_workflow) {
  for (const both_forms& both : samples()) {
    const auto declared = definition::from(both.declared);
    ASSERT_TRUE(declared.has_value()) << to_string(declared.error());
    const definition from_text = read(both.document);
    EXPECT_EQ(declared->to_json().dump(), from_text.to_json().dump());
    EXPECT_EQ(declared->fingerprint(), from_text.fingerprint());
  }
}

TEST(definition, canonical_json_reads_back_as_itself) {
  for (const both_forms& both : samples()) {
    const definition first = read(both.document);
    const definition second = read(json::parse(first.to_json().dump()));
    EXPECT_EQ(second.to_json().dump(), first.to_json().dump());
    EXPECT_EQ(second.fingerprint(), first.fingerprint());
  }
}

TEST(definition, canonical_json_has_what_a_workflow_says_beyond_the_defaults) {
  const json document = flow_document();
  const json written = read(document).to_json();
  EXPECT_EQ(written["queue"], "reviews");
  EXPECT_EQ(written["triggers"][0]["missed"], "run_all");
  EXPECT_EQ(written["triggers"][0]["missed_limit"], 5);
  EXPECT_EQ(written["triggers"][0]["overlap"], "skip");
  EXPECT_EQ(written["steps"][0]["queue"], "models");
  EXPECT_EQ(written["steps"][1]["approval"], document["steps"][1]["approval"]);
  EXPECT_EQ(written["steps"][3]["pause"], document["steps"][3]["pause"]);
  EXPECT_EQ(written["steps"][4]["await_event"], document["steps"][4]["await_event"]);
  EXPECT_EQ(written["transitions"][0]["when"], document["transitions"][0]["when"]);
  EXPECT_EQ(written["transitions"][1]["at_most"], 2);
  EXPECT_EQ(read(joined_document()).to_json()["steps"][3]["after"], json({"prices", "check"}));
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

void expect_other_fingerprints(const json& document, const json& changes) {
  const definition original = read(document);
  std::set<std::string> fingerprints{original.fingerprint()};
  for (const json& change : changes) {
    json changed = original.to_json();
    changed[json::json_pointer(change[0].get<std::string>())] = change[1];
    EXPECT_TRUE(fingerprints.insert(read(changed).fingerprint()).second) << change;
  }
}

TEST(definition, compensations_are_steps_of_their_own) {
  const definition read_flow = read(flow_document());
  const auto rework = read_flow.find_step("rework");
  const auto compensation = read_flow.find_step("rework.compensate");
  ASSERT_TRUE(rework);
  ASSERT_TRUE(compensation);
  EXPECT_TRUE(read_flow.has_compensations());
  EXPECT_EQ(read_flow.compensation_of(*rework), compensation);
  EXPECT_EQ(read_flow.compensated_by(*compensation), rework);
  EXPECT_EQ(read_flow.steps().size(), 8U);
  EXPECT_TRUE(read_flow.steps()[*compensation].transactional);
  EXPECT_EQ(read_flow.steps()[*compensation].timeout, 5s);
  EXPECT_FALSE(read_flow.compensation_of(*compensation));
}

TEST(definition, every_change_of_a_flow_gives_another_fingerprint) {
  expect_other_fingerprints(flow_document(), json::parse(R"([
    ["/steps/0/compensatable", true], ["/steps/6/irreversible", false],
    ["/steps/2/compensate", null], ["/steps/2/compensate/transactional", false],
    ["/steps/2/compensate/timeout_ms", 1], ["/steps/2/compensate/retry", null],
    ["/transitions/4/recovery", "undo"],
    ["/queue", "other"], ["/triggers/0/missed", "skip"], ["/triggers/0/missed_limit", 6],
    ["/triggers/0/overlap", "cancel_previous"], ["/steps/0/queue", ""],
    ["/steps/1/approval/quorum", 3], ["/steps/1/approval/expires_in_ms", 0], ["/steps/1/approval/on_expiry", "reject"],
    ["/steps/3/pause/expires_in_ms", 1], ["/steps/4/await_event/name", "other"],
    ["/steps/4/await_event/timeout_ms", 1],
    ["/transitions/1/at_most", 3], ["/transitions/1/when/equals", false], ["/transitions/1/when/path", "risk"],
    ["/transitions/1/when", {"not": {"path": "risk.is_unclear", "equals": true}}],
    ["/transitions/1/when", {"all": [{"path": "risk.is_unclear", "equals": true}]}],
    ["/transitions/0/when/any/0/greater_than", 71], ["/transitions/0/when/any/0/greater_than", "70"],
    ["/transitions/0/when/any/1/all/0/in", ["SE", "NO"]]
  ])"));
  expect_other_fingerprints(joined_document(), json::parse(R"([
    ["/steps/3/after", ["check", "prices"]], ["/steps/4/after", ["fetch"]], ["/steps/0/after", ["prices"]]
  ])"));
}

TEST(definition, every_change_of_children_and_lists_gives_another_fingerprint) {
  expect_other_fingerprints(joined_document(), json::parse(R"([
    ["/steps/6/child/workflow", "other"], ["/steps/6/child/trigger", ""], ["/steps/6/child/on_cancel", "cancel"],
    ["/steps/7/for_each/list", "shipped.others"], ["/steps/7/for_each/parallel", 5],
    ["/steps/7/for_each/tolerated", 0.5]])"));
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

  json plain = joined_document();
  const std::string joined_fingerprint = read(plain).fingerprint();
  plain["queue"] = "";
  plain["steps"][0]["queue"] = nullptr;
  plain["steps"][0]["after"] = nullptr;
  plain["steps"][2]["approval"] = {{"quorum", 1}, {"expires_in_ms", 0}, {"on_expiry", "reject"}};
  plain["steps"][4]["await_event"]["timeout_ms"] = 0;
  EXPECT_EQ(read(plain).fingerprint(), joined_fingerprint);
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

TEST(definition, routes_are_the_transitions_of_an_outcome_in_their_order) {
  json document = flow_document();
  std::swap(document["steps"][0], document["steps"][1]);
  const definition d = read(document);
  EXPECT_FALSE(d.has_dependencies());
  const std::size_t score = *d.find_step("score");
  EXPECT_EQ(score, 1U);
  EXPECT_EQ(d.find_step("complete"), std::nullopt);

  const auto forward = d.routes(score, on::ok);
  ASSERT_EQ(forward.size(), 3U);
  EXPECT_EQ(forward[0].transition, 0U);
  EXPECT_EQ(forward[0].to, d.find_step("approve"));
  EXPECT_EQ(forward[2].transition, 2U);
  EXPECT_EQ(forward[2].to, d.find_step("paid"));
  EXPECT_TRUE(d.routes(score, on::error).empty());
  const auto late = d.routes(*d.find_step("paid"), on::timeout);
  ASSERT_EQ(late.size(), 2U);
  EXPECT_EQ(late[0].to, d.find_step("remind"));
  EXPECT_EQ(late[1].transition, 11U);
  EXPECT_EQ(late[1].to, std::nullopt);
  EXPECT_TRUE(d.dependencies(score).empty());
  EXPECT_TRUE(d.dependents(score).empty());
}

TEST(definition, a_run_begins_where_nothing_leads_to) {
  json document = sample_document();
  std::swap(document["steps"][0], document["steps"][4]);
  const definition d = read(document);
  ASSERT_EQ(d.entries().size(), 1U);
  EXPECT_EQ(d.entries()[0], 4U);
  EXPECT_EQ(d.steps()[4].name, "fetch");
}

TEST(definition, a_run_may_begin_with_a_step_of_a_loop) {
  json document = flow_document();
  const auto first_of = [&] {
    const definition d = read(document);
    return d.steps()[d.entries()[0]].name;
  };
  EXPECT_EQ(first_of(), "score");
  std::swap(document["steps"][0], document["steps"][2]);
  EXPECT_EQ(first_of(), "rework");
  // Only a limited transition leads to remind, too, but from a step outside of its loop.
  std::swap(document["steps"][0], document["steps"][5]);
  EXPECT_EQ(first_of(), "score");
  document["steps"].push_back({{"name", "start"}});
  document["transitions"].push_back({{"from", "start"}, {"to", "paid"}});
  document["transitions"].push_back({{"from", "start"}, {"on", "error"}, {"to", "score"}, {"at_most", 1}});
  EXPECT_EQ(first_of(), "start");
}

TEST(definition, the_output_of_gates_and_events_goes_under_their_names) {
  const definition d = read(flow_document());
  EXPECT_EQ(d.output_key(*d.find_step("score")), "risk");
  EXPECT_EQ(d.output_key(*d.find_step("approve")), "review");
  EXPECT_EQ(d.output_key(*d.find_step("hold")), "hold");
  EXPECT_EQ(d.output_key(*d.find_step("paid")), "paid");
  EXPECT_EQ(d.output_key(*d.find_step("remind")), "");
  EXPECT_EQ(d.output_key(*d.find_step("ship")), "");
}

TEST(definition, steps_without_dependencies_are_entries) {
  const definition d = read(joined_document());
  const auto list = [](std::span<const std::size_t> of) { return std::vector<std::size_t>(of.begin(), of.end()); };
  using steps = std::vector<std::size_t>;
  EXPECT_TRUE(d.has_dependencies());
  EXPECT_EQ(list(d.entries()), (steps{0, 1}));
  EXPECT_EQ(list(d.dependencies(3)), (steps{1, 2}));
  EXPECT_EQ(list(d.dependents(1)), (steps{3, 4}));
  EXPECT_EQ(list(d.dependents(5)), steps{});
  EXPECT_EQ(d.steps()[3].after, (std::vector<std::string>{"prices", "check"}));
  EXPECT_TRUE(d.routes(0, on::ok).empty());
}

TEST(definition, lists_have_a_limit) {
  json document = sample_document();
  for (int i = 0; i < 5000; ++i) document["transitions"].push_back({{"from", "x"}, {"to", "y"}});
  const auto found = definition::from_json(document);
  ASSERT_FALSE(found.has_value());
  ASSERT_EQ(found.error().problems.size(), 1U);
  EXPECT_EQ(found.error().problems[0].path, "transitions");
  EXPECT_EQ(found.error().problems[0].rule, "json_list_is_longer_than_5000");
}

json chain(int length) {
  json document = sample_document();
  json steps = json::array();
  json transitions = json::array();
  for (int i = 0; i < length; ++i) {
    steps.push_back({{"name", std::to_string(i)}, {"output", std::to_string(i)}});
    const std::string next = i < length - 1 ? std::to_string(i + 1) : "complete";
    transitions.push_back({{"from", std::to_string(i)}, {"to", next}});
  }
  document["steps"] = steps;
  document["transitions"] = transitions;
  return document;
}

TEST(definition, a_long_chain_is_fine) { EXPECT_EQ(read(chain(5000)).steps().size(), 5000U); }

TEST(definition, a_long_chain_that_leads_back_everywhere_is_fine) {
  json document = chain(2500);
  for (int i = 2500; i-- > 1;) {
    document["transitions"].push_back(
        {{"from", std::to_string(i)}, {"on", "error"}, {"to", std::to_string(i - 1)}, {"at_most", 1}});
  }
  document["steps"][0]["input"] = {{{"name", "last"}, {"path", "2498"}}};
  EXPECT_EQ(read(document).entries()[0], 0U);
}

TEST(definition, a_wide_join_is_fine) {
  json document = joined_document();
  json steps = json::array();
  json names = json::array();
  for (int i = 0; i < 4999; ++i) {
    names.push_back("step " + std::to_string(i));
    steps.push_back({{"name", names.back()}, {"output", names.back()}});
  }
  steps.push_back({{"name", "join"}, {"after", names}});
  document["steps"] = steps;
  const definition d = read(document);
  EXPECT_EQ(d.entries().size(), 4999U);
  EXPECT_EQ(d.dependencies(4999).size(), 4999U);
}

}  // namespace
}  // namespace squid_mesh::inline v1
