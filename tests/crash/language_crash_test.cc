// Kills a process at every fault point of a saga, of a child's life and of a step over a list, on both databases.
#include "crash/campaign.h"
#include "storage/postgres_database.h"
#include "storage/sqlite_database.h"
#include "support/child_process.h"
#include "support/temporary_directory.h"

#include <squid_mesh/squid_mesh.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace squid_mesh::testing {
namespace {

constexpr int processes_at_once = 8;
/// With fewer, the fault points are no longer where they should be.
constexpr int fewest_points = 10;

class language_crash : public ::testing::TestWithParam<backend> {
 protected:
  /// Kills the host at every point, starts it again, and looks at the runs, oldest first.
  template <class Check>
  static void survive(const std::string& workflow, const Check& check) {
    campaign all;
    all.run(processes_at_once, [&](const std::string& fault) {
      const temporary_directory directory;
      const auto database = GetParam().make();
      const std::string output = (directory / "output").string();
      const auto run = [&](std::vector<std::string> environment) {
        return child_process({LANGUAGE_HOST, database->url(), workflow}, output, std::move(environment)).wait();
      };
      const int ended = run({fault});
      EXPECT_EQ(ended == -SIGKILL ? run({}) : ended, 0) << read_text(output);
      const mesh looking = mesh::open({.database = database->url()}).value();
      std::vector<run_view> runs;
      const run_page page = looking.list_runs().value();
      for (const run_summary& each : page.runs) {
        runs.insert(runs.begin(), looking.inspect_run(each.id, {.include_history = true}).value());
      }
      check(runs);
      for (const run_view& each : runs) expect_truth(each);
      EXPECT_EQ(database->query("SELECT count(*) FROM oban_jobs WHERE state = 'executing'"), "0");
      return ended == -SIGKILL;
    });
    std::cout << "Killed at " << all.points() << " fault points.\n";
    EXPECT_GE(all.points(), fewest_points);
  }

  /// Each attempt has its end, and each step, or element, completed once at most.
  static void expect_truth(const run_view& run) {
    std::map<std::string, int> completions;
    int lost = 0;
    for (const attempt_view& each : run.attempts) {
      EXPECT_TRUE(each.ended_at);
      lost += each.status == attempt_status::lost ? 1 : 0;
      if (each.status != attempt_status::completed) continue;
      const std::string element = each.element ? "#" + std::to_string(*each.element) : "";
      EXPECT_EQ(++completions[each.step + element], 1) << each.step << element;
    }
    EXPECT_LE(lost, 3) << "one process died once, with three lanes at most";
  }

  static std::vector<std::string> completed(const run_view& run) {
    std::vector<std::string> steps;
    for (const audit_event& each : run.history) {
      if (each.kind == "step_completed") steps.push_back(each.step);
    }
    return steps;
  }
};

TEST_P(language_crash, at_every_point_of_a_saga) {
  survive("crash.saga", [](const std::vector<run_view>& runs) {
    ASSERT_EQ(runs.size(), 1U);
    EXPECT_EQ(runs.front().status, run_status::failed);
    EXPECT_EQ(completed(runs.front()),
              std::vector<std::string>({"first", "second", "second.compensate", "first.compensate"}));
  });
}

TEST_P(language_crash, at_every_point_of_children) {
  survive("crash.family", [](const std::vector<run_view>& runs) {
    ASSERT_EQ(runs.size(), 3U) << "each child was started once";
    for (const run_view& run : runs) EXPECT_EQ(run.status, run_status::completed);
    EXPECT_EQ(runs.front().children.size(), 2U);
    EXPECT_EQ(completed(runs.front()), std::vector<std::string>({"spawn", "await", "last"}));
  });
}

TEST_P(language_crash, at_every_point_of_a_list) {
  survive("crash.list", [](const std::vector<run_view>& runs) {
    ASSERT_EQ(runs.size(), 1U);
    EXPECT_EQ(runs.front().status, run_status::completed);
    EXPECT_EQ(runs.front().context.at("all"), json({0, 1, 2, 3, 4, 5, 6}));
    EXPECT_EQ(completed(runs.front()), std::vector<std::string>{"last"});
  });
}

INSTANTIATE_TEST_SUITE_P(on, language_crash,
                         ::testing::Values(backend{"sqlite", [] { return std::make_unique<sqlite_file>(); }},
                                           backend{"postgres", [] { return std::make_unique<postgres_database>(); }}),
                         [](const auto& of) { return of.param.name; });

}  // namespace
}  // namespace squid_mesh::testing
