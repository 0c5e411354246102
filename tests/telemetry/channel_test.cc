// What slow, failing and late handlers do to the engine: nothing.
#include "telemetry/channel.h"

#include "recorder.h"
#include "support/eventually.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace squid_mesh::testing {
namespace {

std::vector<telemetry_event> some(std::size_t count) {
  return std::vector<telemetry_event>(count, {.kind = telemetry_kind::queue_depth, .queue = "q"});
}

bool until(const std::function<bool()>& holds) { return eventually(holds, std::chrono::seconds(60)); }

/// Stands still in its first call until it is let go.
class stuck final : public telemetry_handler {
 public:
  void on(std::span<const telemetry_event> events) override {
    if (!entered_.exchange(true)) has_entered.set_value();
    let_go.wait();
    got += events.size();
  }
  void dropped(std::size_t count) override { lost += count; }

  std::promise<void> has_entered;
  std::shared_future<void> let_go;
  std::atomic<std::size_t> got = 0;
  std::atomic<std::size_t> lost = 0;

 private:
  std::atomic<bool> entered_ = false;
};

class failing final : public telemetry_handler {
 public:
  void on(std::span<const telemetry_event> /*events*/) override {
    ++calls;
    if (calls == 1) throw std::runtime_error("no disk");
    throw 17;
  }
  std::atomic<int> calls = 0;
};

TEST(telemetry_channel, hands_over_what_waits_before_it_ends) {
  auto listener = std::make_shared<recorder>();
  {
    telemetry_channel channel({listener}, [](level, std::string_view) {});
    for (int i = 0; i < 100; ++i) channel.tell(some(50));
  }
  EXPECT_EQ(listener->count(), 5'000U);
}

TEST(telemetry_channel, without_handlers_is_not_heard) {
  EXPECT_FALSE(telemetry_channel({}, [](level, std::string_view) {}).is_heard());
  EXPECT_FALSE(telemetry_channel({nullptr}, [](level, std::string_view) {}).is_heard());
  EXPECT_TRUE(telemetry_channel({std::make_shared<recorder>()}, [](level, std::string_view) {}).is_heard());
}

TEST(telemetry_channel, a_stuck_handler_costs_its_own_events_alone_and_learns_how_many) {
  std::promise<void> let_go;
  auto slow = std::make_shared<stuck>();
  slow->let_go = let_go.get_future();
  auto listener = std::make_shared<recorder>();
  std::mutex mutex;
  std::string said;
  {
    telemetry_channel channel({slow, listener}, [&](level, std::string_view line) {
      const std::lock_guard lock(mutex);
      said += line;
    });
    channel.tell(some(1));
    slow->has_entered.get_future().wait();
    // Nobody takes these from the handler's queue: all that is told returns all the same.
    channel.tell(some(max_waiting_telemetry - 10));
    channel.tell(some(30));
    EXPECT_TRUE(listener->wait_for([](const auto& each) { return each.queue == "q"; }));
    let_go.set_value();
    // The channel's end has patience, but not on every machine enough.
    EXPECT_TRUE(until([&] { return slow->got == 1 + max_waiting_telemetry; })) << slow->got;
    EXPECT_TRUE(until([&] { return listener->count() == 1 + max_waiting_telemetry + 20; })) << listener->count();
  }
  EXPECT_EQ(slow->lost, 20U);
  EXPECT_NE(said.find("20 events were dropped"), std::string::npos) << said;
}

TEST(telemetry_channel, a_handler_that_throws_is_called_again_and_logged_once_in_a_while) {
  auto bad = std::make_shared<failing>();
  auto listener = std::make_shared<recorder>();
  std::atomic<int> lines = 0;
  {
    telemetry_channel channel({bad, listener}, [&](level severity, std::string_view line) {
      EXPECT_EQ(severity, level::warning);
      EXPECT_EQ(line, "a telemetry handler failed: no disk");
      ++lines;
    });
    for (int i = 1; i <= 5; ++i) {
      channel.tell(some(1));
      while (bad->calls < i) std::this_thread::yield();
    }
  }
  EXPECT_EQ(bad->calls, 5);
  EXPECT_EQ(lines, 1);
  EXPECT_EQ(listener->events().size(), 5U);
}

}  // namespace
}  // namespace squid_mesh::testing
