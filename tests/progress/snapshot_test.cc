// Snapshots: when one is taken, and what can be made of it. That it holds the whole state is seen wherever a run is
// driven in a test: there it goes on from one after every event.
#include "progress/snapshot.h"

#include "progress/driven_run.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace squid_mesh::testing {
namespace {

/// visit, again and again.
std::shared_ptr<const definition> loop() {
  return read_workflow(R"([{"name": "visit", "output": "seen"}])",
                       R"([{"from": "visit", "to": "visit", "at_most": 100000}, {"from": "visit", "to": "complete"}])");
}

/// A run that goes on in one process, and what it has kept on the way.
struct long_run {
  run_state state;
  journal history;
  std::vector<snapshot> kept;

  long_run() {
    history.run = {.workflow = "t", .payload = "{}", .started_at = start_of_time};
    state = begin(loop(), history.run).value();
  }
  void visit(const json& output) {
    const event::attempt of{.step = 0, .number = state.steps[0].attempts + 1, .started_at = start_of_time};
    commit whole;
    const decision made = decide(state, worker_event(event::succeeded{of, output}), {.now = start_of_time});
    add_to(whole, state, made, std::nullopt);
    history.facts.insert(history.facts.end(), whole.facts.begin(), whole.facts.end());
    if (whole.keeps) kept.push_back(*whole.keeps);
  }
  /// What a reader gets: the last snapshot, and the facts since.
  [[nodiscard]] journal recent() const {
    const auto after = history.facts.begin() + static_cast<std::ptrdiff_t>(kept.back().seq);
    return {.run = history.run, .facts = {after, history.facts.end()}, .before = kept.back()};
  }
};

TEST(snapshots, are_taken_now_and_then) {
  long_run run;
  for (int i = 0; i < 127; ++i) run.visit(i);
  EXPECT_TRUE(run.kept.empty()) << "so few facts are quickly read";
  for (int i = 127; i < 1000; ++i) run.visit(i);
  ASSERT_EQ(run.kept.size(), 7U);
  EXPECT_EQ(run.kept[0].seq, 128);
  EXPECT_EQ(run.kept[6].seq, 896);
}

TEST(snapshots, of_large_states_are_rarer_so_that_all_together_are_not_longer_than_the_journal) {
  long_run run;
  std::size_t journal_bytes = 0;
  std::size_t snapshot_bytes = 0;
  run.visit(std::string(100'000, 'x'));
  for (int i = 1; i < 3000; ++i) run.visit({{"i", i}, {"pad", std::string(i == 1500 ? 200'000 : 10, 'y')}});
  for (const fact& each : run.history.facts) journal_bytes += 100 + each.data.size();
  for (const snapshot& each : run.kept) snapshot_bytes += each.text.size();
  EXPECT_GE(run.kept.size(), 2U);
  EXPECT_LE(snapshot_bytes, 2 * journal_bytes);
}

TEST(snapshots, lead_to_the_state_that_the_whole_journal_leads_to) {
  long_run run;
  for (int i = 0; i < 300; ++i) run.visit(i);
  auto whole = fold(loop(), run.history).value();
  auto recent = fold(loop(), run.recent()).value();
  EXPECT_EQ(run.recent().facts.size(), 44U);
  EXPECT_EQ(recent.last_seq, 300);
  EXPECT_EQ(take_snapshot(recent).text, take_snapshot(whole).text);
}

TEST(snapshots, are_no_longer_taken_of_a_run_that_has_ended) {
  long_run run;
  for (int i = 0; i < 127; ++i) run.visit(i);
  const decision made =
      decide(run.state, command_event(event::cancelled{.by = {}, .idle = {0}}), {.now = start_of_time});
  EXPECT_TRUE(run.state.ended);
  EXPECT_FALSE(made.keeps);
}

TEST(snapshots, that_others_have_written_are_not_used) {
  long_run run;
  for (int i = 0; i < 128; ++i) run.visit(i);
  const snapshot good = run.kept.front();
  ASSERT_TRUE(restore(loop(), run.history.run, good));
  const auto refused = [&](const std::string& text) {
    const auto state = restore(loop(), run.history.run, {.seq = good.seq, .text = text});
    return !state && state.error().code == errc::storage;
  };
  json changed = json::parse(good.text);
  changed["format"] = 0;
  EXPECT_TRUE(refused(changed.dump())) << "another version of the library";
  changed = json::parse(good.text);
  changed["definition"] = "other";
  EXPECT_TRUE(refused(changed.dump())) << "another definition";
  for (const char* const key : {"steps", "branches", "taken"}) {
    changed = json::parse(good.text);
    changed.erase(key);
    EXPECT_TRUE(refused(changed.dump())) << key;
  }
  changed = json::parse(good.text);
  changed["branches"][0] = 7;
  EXPECT_TRUE(refused(changed.dump())) << "no such step";
  changed = json::parse(good.text);
  changed["steps"][0]["status"] = "confused";
  EXPECT_TRUE(refused(changed.dump()));
  EXPECT_TRUE(refused("")) << "no JSON";
  EXPECT_TRUE(refused("[]"));
}

}  // namespace
}  // namespace squid_mesh::testing
