// Kills the daily digest program at every fault point, starts it again, and looks at what the database says.
#include "crash/campaign.h"
#include "demo_feed.h"
#include "local_servers.h"
#include "support/child_process.h"
#include "support/temporary_directory.h"

#include <squid_mesh/jobs.hpp>
#include <squid_mesh/squid_mesh.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

namespace sm = squid_mesh;
using squid_mesh::testing::campaign;
using squid_mesh::testing::child_process;
using squid_mesh::testing::read_text;
using squid_mesh::testing::temporary_directory;

constexpr int processes_at_once = 16;
/// With fewer, the fault points are no longer where they should be.
constexpr int fewest_points = 30;

const std::set<std::string> steps_of_success = {"fetch_feed", "build_digest", "announce_post", "post_to_discord"};

/// The digest program on a database of its own, and the outside world, which survives the program's death.
class scene {
 public:
  /// Runs the program to its end; see `child_process::wait`.
  int run(std::vector<std::string> environment = {}) {
    child_process program(
        {DAILY_DIGEST, "--database", "sqlite:" + file("runs.db"), "--lease", "2000", "--failed-deliveries",
         file("failed.jsonl"), "--feed", world_.feed_url(), "--webhook", world_.webhook_url()},
        file("output"), std::move(environment));
    return program.wait();
  }

  [[nodiscard]] std::string output() const { return read_text(file("output")); }
  [[nodiscard]] std::size_t accepted_messages() const { return world_.messages().size(); }

  [[nodiscard]] std::vector<sm::run_view> runs() const {
    const auto mesh = sm::mesh::open({.database = "sqlite:" + file("runs.db")}).value();
    const sm::run_page page = mesh.list_runs().value();
    std::vector<sm::run_view> found;
    found.reserve(page.runs.size());
    for (const sm::run_summary& run : page.runs) {
      found.push_back(mesh.inspect_run(run.id, {.include_history = true}).value());
    }
    return found;
  }

  [[nodiscard]] std::vector<sm::jobs::job> executing_jobs() const {
    const auto engine = sm::jobs::engine::open({.database = "sqlite:" + file("runs.db")}).value();
    return engine.list({.states = {sm::jobs::state::executing}}).value();
  }

 private:
  [[nodiscard]] std::string file(const std::string& name) const { return (directory_ / name).string(); }

  temporary_directory directory_;
  daily_digest::local_servers world_ =
      daily_digest::local_servers::start({.feed = std::string(daily_digest::demo_feed)}).value();
};

std::ptrdiff_t attempts_of(const sm::run_view& run, const std::string& step, sm::attempt_status status) {
  return std::ranges::count_if(run.attempts, [&](const auto& a) { return a.step == step && a.status == status; });
}

std::ptrdiff_t lost_attempts(const sm::run_view& run) {
  return std::ranges::count(run.attempts, sm::attempt_status::lost, &sm::attempt_view::status);
}

/// Every step that succeeds has completed once, by its state, its attempts and its journal.
void expect_each_step_completed_once(const sm::run_view& run) {
  std::map<std::string, int> completions;
  for (const sm::audit_event& event : run.history) {
    if (event.kind == "step_completed") ++completions[event.step];
  }
  for (const sm::step_view& step : run.steps) {
    const bool wanted = steps_of_success.contains(step.name);
    EXPECT_EQ(step.status, wanted ? sm::step_status::completed : sm::step_status::skipped) << step.name;
    EXPECT_EQ(completions[step.name], wanted ? 1 : 0) << step.name;
    EXPECT_EQ(attempts_of(run, step.name, sm::attempt_status::completed), wanted ? 1 : 0) << step.name;
  }
}

/// No attempt is without an end, and none ended in a way that can't have happened.
void expect_truthful_attempts(const sm::run_view& run) {
  EXPECT_LE(lost_attempts(run), 1) << "one process died once";
  for (const sm::attempt_view& attempt : run.attempts) {
    SCOPED_TRACE(attempt.step + ", attempt " + std::to_string(attempt.number));
    using enum sm::attempt_status;
    EXPECT_TRUE(attempt.status == completed || attempt.status == lost ||
                (attempt.status == failed && attempt.step == "post_to_discord"))
        << to_string(attempt.status);
    ASSERT_TRUE(attempt.ended_at);
    EXPECT_LE(attempt.started_at, *attempt.ended_at);
    EXPECT_EQ(attempt.error.has_value(), attempt.status != completed);
  }
}

/// A program that was killed when its run had ended already makes a new one when it is started again.
void expect_one_run_at_a_time(const std::vector<sm::run_view>& newest_first) {
  ASSERT_FALSE(newest_first.empty());
  ASSERT_LE(newest_first.size(), 2U);
  if (newest_first.size() == 2) {
    ASSERT_TRUE(newest_first[1].ended_at);
    EXPECT_LE(*newest_first[1].ended_at, newest_first[0].started_at);
  }
}

/// What has to hold when the program has ended by itself. Returns how many attempts were lost.
std::ptrdiff_t check(const scene& after) {
  const auto runs = after.runs();
  expect_one_run_at_a_time(runs);
  std::ptrdiff_t lost = 0;
  std::ptrdiff_t deliveries = 0;
  for (const sm::run_view& run : runs) {
    EXPECT_EQ(run.status, sm::run_status::completed);
    expect_each_step_completed_once(run);
    expect_truthful_attempts(run);
    lost += lost_attempts(run);
    deliveries += attempts_of(run, "post_to_discord", sm::attempt_status::completed) +
                  attempts_of(run, "post_to_discord", sm::attempt_status::lost);
  }
  EXPECT_TRUE(after.executing_jobs().empty());
  EXPECT_GE(after.accepted_messages(), runs.size());
  EXPECT_LE(after.accepted_messages(), static_cast<std::size_t>(deliveries)) << "somebody posted without an attempt";
  return lost;
}

TEST(Crash, ARunSurvivesTheDeathOfItsProcessAtEveryFaultPoint) {
  std::atomic<std::ptrdiff_t> lost = 0;
  campaign all;
  all.run(processes_at_once, [&](const std::string& fault) {
    scene here;
    const int ended = here.run({fault});
    if (ended == -SIGKILL) {
      EXPECT_EQ(here.run(), 0) << here.output();
    } else {
      EXPECT_EQ(ended, 0) << here.output();
    }
    lost += check(here);
    return ended == -SIGKILL;
  });
  std::cout << "Killed at " << all.points() << " fault points; " << lost << " attempts were lost.\n";
  EXPECT_GE(all.points(), fewest_points);
  EXPECT_GE(lost, static_cast<std::ptrdiff_t>(steps_of_success.size()))
      << "the program should also have died in the midst of each step";
}

}  // namespace
