// How two definitions differ.
#include "definition/sample.h"

#include <squid_mesh/definition_diff.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

definition read(const json& document) {
  auto read = definition::from_json(document);
  if (!read) throw std::runtime_error(to_string(read.error()));
  return *std::move(read);
}

/// Each change as one line.
std::vector<std::string> lines(const json& before, const json& after) {
  std::vector<std::string> lines;
  for (const definition_change& each : diff(read(before), read(after))) {
    lines.push_back(std::string(to_string(each.kind)) + " " + std::string(to_string(each.element)) + " " + each.name +
                    "| " + each.text);
  }
  return lines;
}
using said = std::vector<std::string>;

json& step(json& document, const std::string& name) {
  return *std::ranges::find_if(document.at("steps"), [&](const json& each) { return each.at("name") == name; });
}

TEST(definition_diff, of_the_same_is_empty) {
  for (const json& each : {sample_document(), flow_document()}) EXPECT_TRUE(lines(each, each).empty());
}

TEST(definition_diff, says_what_of_a_step_has_changed) {
  json after = sample_document();
  json& fetch = step(after, "fetch");
  fetch["timeout_ms"] = 90'000;
  fetch["retry"]["max_attempts"] = 3;
  fetch["input"].push_back({{"name", "day"}, {"path", "day"}});
  fetch["irreversible"] = true;
  step(after, "store")["retry"] = {{"max_attempts", 2}};
  step(after, "say")["log"]["level"] = "info";
  step(after, "give_up")["compensate"] = {{"timeout_ms", 1500}};
  EXPECT_EQ(lines(sample_document(), after),
            (said{"changed step fetch| input: url, first = options.a[0] → url, first = options.a[0], day",
                  "changed step fetch| irreversible: no → yes", "changed step fetch| attempts: 5 → 3",
                  "changed step fetch| timeout: 30 s → 90 s", "changed step say| level: warning → info",
                  "changed step store| attempts: none → 2",
                  "changed step give_up| compensation: none → timeout of the compensation 1500 ms"}));
  const auto changes = diff(read(sample_document()), read(after));
  const json timeout = to_json(changes.at(3));
  EXPECT_EQ(timeout, json::parse(R"({"kind": "changed", "element": "step", "name": "fetch", "setting": "timeout_ms",
                                     "before": 30000, "after": 90000, "text": "timeout: 30 s → 90 s"})"));
}

TEST(definition_diff, says_what_came_and_went) {
  json after = sample_document();
  after["steps"].insert(after["steps"].begin() + 3,
                        json{{"name", "check"}, {"kind", "approval"}, {"approval", {{"quorum", 2}}}});
  after["steps"].erase(1);
  after["transitions"] = json::parse(R"([{"from": "fetch", "to": "rest"},
                                         {"from": "fetch", "on": "error", "to": "give_up"},
                                         {"from": "rest", "to": "check"}, {"from": "check", "to": "store"},
                                         {"from": "check", "on": "error", "to": "give_up"},
                                         {"from": "store", "to": "complete"}, {"from": "give_up", "to": "complete"}])");
  const said got = lines(sample_document(), after);
  EXPECT_EQ(
      got,
      (said{"removed step say| log, level warning, message Fetched", "added step check| approval, approvals needed 2",
            "changed transition fetch on ok to say| leads to: say → rest", "removed transition say on ok to rest| ",
            "changed transition rest on ok to store| leads to: store → check",
            "added transition check on ok to store| ", "added transition check on error to give_up| "}));
}

TEST(definition_diff, says_what_has_changed_of_triggers_and_their_payload) {
  json after = sample_document();
  after["version"] = "4";
  after["queue"] = "slow";
  json& by_hand = after["triggers"][0];
  by_hand["payload"].erase(2);
  by_hand["payload"][1]["default"] = "10";
  by_hand["payload"][1]["type"] = "string";
  by_hand["payload"].push_back({{"name", "note"}, {"type", "string"}, {"optional", true}});
  after["triggers"][1]["schedule"] = "0 3 * * *";
  after["triggers"].push_back({{"name", "weekly"}, {"schedule", "0 4 * * 1"}, {"timezone", "Etc/UTC"}});
  EXPECT_EQ(
      lines(sample_document(), after),
      (said{"changed workflow | queue: none → slow", "changed workflow | version: 3 → 4",
            R"(changed field by_hand.limit| default: 10 → "10")", "changed field by_hand.limit| type: integer → string",
            "removed field by_hand.ratio| float, by default 1.0", "added field by_hand.note| string, optional",
            "changed trigger nightly| schedule: 30 2 * * MON-FRI → 0 3 * * *",
            "added trigger weekly| 0 4 * * 1 Etc/UTC"}));
}

TEST(definition_diff, says_conditions_and_limits_in_words) {
  json after = flow_document();
  json& transitions = after["transitions"];
  transitions[0]["when"] = {{"path", "risk.score"}, {"greater_than", 80}};
  transitions[1]["at_most"] = 9;
  transitions[4].erase("recovery");
  EXPECT_EQ(
      lines(flow_document(), after),
      (said{R"(changed transition score on ok to approve| condition: (risk.score > 70 or (country in ["NO","SE"] )"
            R"(and not risk.waiver exists) or risk.levels[0] != "low" or risk.ratio < 0.5) → risk.score > 80)",
            "changed transition score on ok to hold| followed at most: 2 times → 9 times",
            "changed transition approve on error to rework| recovery: compensation → none"}));
}

TEST(definition_diff, says_that_an_order_has_changed) {
  json after = sample_document();
  std::swap(after["triggers"][0], after["triggers"][1]);
  std::swap(after["steps"][3], after["steps"][4]);
  std::swap(after["transitions"][1], after["transitions"][2]);
  const auto changes = diff(read(sample_document()), read(after));
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[0].text, "order of the triggers: by_hand, nightly → nightly, by_hand");
  EXPECT_EQ(changes[1].setting, "order.steps");
  EXPECT_EQ(changes[2].setting, "order.transitions");
  EXPECT_EQ(changes[2].after.at(1), "say on ok to rest");
}

}  // namespace
}  // namespace squid_mesh::inline v1
