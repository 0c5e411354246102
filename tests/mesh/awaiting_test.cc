// Waiting for the end of a run, with the announcements of the own process.
#include "mesh/awaiting.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace squid_mesh::inline v1 {
namespace {

using namespace std::chrono_literals;

run_id id_of(std::uint8_t n) {
  run_id id;
  id.value.bytes[0] = n;
  return id;
}

TEST(awaiting, takes_an_announcement_for_the_end_without_asking) {
  awaiting waiters;
  std::atomic<bool> asked = false;
  std::thread announcer([&] {
    while (!asked) std::this_thread::yield();
    waiters.announce(id_of(2));
    waiters.announce(id_of(1));
  });
  EXPECT_TRUE(waiters.wait(id_of(1), 40s, [&] {
    asked = true;
    return false;
  }));
  announcer.join();
}

TEST(awaiting, asks_for_runs_that_others_end) {
  awaiting waiters;
  int asked = 0;
  EXPECT_TRUE(waiters.wait(id_of(1), 40s, [&] { return ++asked == 3; }));
}

TEST(awaiting, gives_up_in_time) {
  awaiting waiters;
  EXPECT_FALSE(waiters.wait(id_of(1), 5ms, [] { return false; }));
  // What was announced to nobody is forgotten.
  waiters.announce(id_of(1));
  EXPECT_FALSE(waiters.wait(id_of(1), 5ms, [] { return false; }));
}

}  // namespace
}  // namespace squid_mesh::inline v1
