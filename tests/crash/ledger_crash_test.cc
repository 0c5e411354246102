// Kills the ledger example at every fault point: each transfer is booked once all the same.
#include "crash/campaign.h"
#include "support/child_process.h"
#include "support/temporary_directory.h"

#include <gtest/gtest.h>

#include <csignal>
#include <iostream>
#include <string>

namespace squid_mesh::testing {
namespace {

constexpr int processes_at_once = 8;
/// With fewer, the fault points are no longer where they should be.
constexpr int fewest_points = 30;

TEST(LedgerCrash, EachTransferIsBookedOnce) {
  campaign all;
  all.run(processes_at_once, [](const std::string& fault) {
    const temporary_directory directory;
    const std::string output = (directory / "output").string();
    const std::string file = (directory / "ledger.db").string();
    int ended = child_process({LOCAL_LEDGER, file}, output, {fault}).wait();
    const bool was_killed = ended == -SIGKILL;
    if (was_killed) ended = child_process({LOCAL_LEDGER, file}, output).wait();
    EXPECT_EQ(ended, 0);
    const std::string told = read_text(output);
    EXPECT_TRUE(told.ends_with("ada has 50\ngrace has 50\n")) << told;
    return was_killed;
  });
  std::cout << "Killed at " << all.points() << " fault points.\n";
  EXPECT_GE(all.points(), fewest_points);
}

}  // namespace
}  // namespace squid_mesh::testing
