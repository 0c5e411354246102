// Random workflows, driven by random events: results, doubled and late ones, deaths at any time, commands.
#include "model/run_lifecycle.h"
#include "progress/world.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>
#include <utility>

namespace squid_mesh::testing {
namespace {

TEST(progress_properties, the_invariants_hold_whatever_happens) {
  EXPECT_TRUE(rc::check("invariants", [] {
    world w;
    const int events = any(1, 80);
    for (int i = 0; i < events; ++i) w.one_event();
    w.come_to_an_end();
  }));
}

TEST(run_lifecycle, the_allowed_changes_of_status) {
  using enum run_status;
  const auto all = {pending, running, retrying, paused, failed, completed, cancelling, cancelled};
  const std::set<std::pair<run_status, run_status>> retries{{failed, running}, {failed, retrying}, {failed, paused}};
  for (const run_status from : all) {
    for (const run_status to : all) {
      const bool goes_on = !is_terminal(from);
      const bool expected = from != to && to != pending && (goes_on || retries.contains({from, to}));
      EXPECT_EQ(may_follow(from, to), expected) << to_string(from) << " -> " << to_string(to);
    }
  }
}

}  // namespace
}  // namespace squid_mesh::testing
