#include "jobs/pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <latch>
#include <thread>

namespace squid_mesh::inline v1::jobs {
namespace {

std::vector<task> tasks(int count, const std::function<void()>& what) {
  std::vector<task> made;
  made.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) made.emplace_back(what);
  return made;
}

TEST(Pool, RunsEveryTaskBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    pool threads(4);
    for (int i = 0; i < 100; ++i) threads.post(tasks(10, [&] { ++ran; }));
  }
  EXPECT_EQ(ran, 1000);
}

TEST(Pool, GrowsUntilTasksThatBlockHaveAThreadEach) {
  const int count = static_cast<int>(std::thread::hardware_concurrency()) + 7;
  std::latch all_here(count);  // with fewer threads this would never open
  pool threads(static_cast<std::size_t>(count));
  threads.post(tasks(count, [&] { all_here.arrive_and_wait(); }));
}

TEST(Pool, GivesATaskThatComesLaterAThreadToo) {
  const int count = static_cast<int>(std::thread::hardware_concurrency()) + 3;
  std::deque<std::latch> latches;  // They outlive the threads, which may still be leaving one that is open.
  pool threads(static_cast<std::size_t>(count));
  for (int round = 0; round < 20; ++round) {
    std::latch& all_here = latches.emplace_back(count);
    std::latch& all_gone = latches.emplace_back(count);
    // One by one, so that threads are busy, idle or on their way in all combinations.
    for (int i = 0; i < count; ++i) {
      threads.post(tasks(1, [&] {
        all_here.arrive_and_wait();
        all_gone.count_down();
      }));
    }
    all_gone.wait();
  }
}

TEST(Pool, NeverRunsMoreTasksAtOnceThanItsLimit) {
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  {
    pool threads(3);
    threads.post(tasks(200, [&] {
      const int now = ++running;
      for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
      }
      std::this_thread::yield();
      --running;
    }));
  }
  EXPECT_LE(most, 3);
}

}  // namespace
}  // namespace squid_mesh::inline v1::jobs
