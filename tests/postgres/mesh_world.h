// Meshes on PostgreSQL, as several processes would have them, and what their tests ask.
#pragma once

#include "support/eventually.h"
#include "support/postgres_server.h"

#include <squid_mesh/squid_mesh.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace squid_mesh::testing {

using namespace std::chrono_literals;

/// What was logged. Outlives the meshes that write to it.
class log_book {
 public:
  log_sink sink() {
    return [this](level severity, std::string_view line) {
      const std::lock_guard lock(mutex_);
      text_ += std::string(severity >= level::warning ? "! " : "  ") + std::string(line) + "\n";
    };
  }
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  [[nodiscard]] bool has(std::string_view words) const { return text().find(words) != std::string::npos; }
  /// Whether a warning or an error was logged.
  [[nodiscard]] bool warns() const { return text().find("! ") != std::string::npos; }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// Five steps in a row; where one was lost or interrupted, it is tried again.
inline constexpr auto chain = workflow({
    .name = "test.chain",
    .triggers = {{.name = "manual"}},
    .steps = {{"a", bound_action, {.output = "a", .retry = {.max_attempts = 20, .backoff = constant(5ms)}}},
              {"b", bound_action, {.output = "b", .retry = {.max_attempts = 20, .backoff = constant(5ms)}}},
              {"c", bound_action, {.output = "c", .retry = {.max_attempts = 20, .backoff = constant(5ms)}}},
              {"d", bound_action, {.output = "d", .retry = {.max_attempts = 20, .backoff = constant(5ms)}}},
              {"e", bound_action, {.output = "e", .retry = {.max_attempts = 20, .backoff = constant(5ms)}}}},
    .transitions =
        {{"a", on::ok, "b"}, {"b", on::ok, "c"}, {"c", on::ok, "d"}, {"d", on::ok, "e"}, {"e", on::ok, complete}},
});

/// All steps of `chain` do the same.
inline std::map<std::string, handler> chain_handlers(const handler& each) {
  std::map<std::string, handler> handlers;
  for (const char* step : {"a", "b", "c", "d", "e"}) handlers.emplace(step, each);
  return handlers;
}

inline handler quick() {
  return make_handler([](const json&, step_context& context) { return json{{"attempt", context.attempt()}}; });
}

/// One step that holds its worker.
inline constexpr auto single = workflow({
    .name = "test.single",
    .triggers = {{.name = "manual"}},
    .steps = {{"work", bound_action, {.output = "out", .retry = {.max_attempts = 20, .backoff = constant(5ms)}}}},
    .transitions = {{"work", on::ok, complete}},
});

inline result<mesh> try_open(const std::string& url, const std::string& name, log_book& log) {
  return mesh::open({.database = url, .log = log.sink(), .node_name = name});
}

inline mesh open_mesh(const std::string& url, const std::string& name, log_book& log) {
  auto opened = try_open(url, name, log);
  if (!opened) throw std::runtime_error(to_string(opened.error()));
  return *std::move(opened);
}

/// How many workers hold something at once, and how many did at most.
class crowd {
 public:
  /// Comes in, and stays until the door is opened or the step is to stop.
  handler member() {
    return make_handler([this](const json&, step_context& context) {
      const int here = ++inside_;
      ++came_;
      int most = most_;
      while (most < here && !most_.compare_exchange_weak(most, here)) continue;
      while (!open_ && !context.stop().stop_requested()) std::this_thread::sleep_for(1ms);
      --inside_;
      return json{{"ok", true}};
    });
  }
  void open() { open_ = true; }
  [[nodiscard]] int inside() const { return inside_; }
  [[nodiscard]] int came() const { return came_; }
  [[nodiscard]] int most() const { return most_; }

 private:
  std::atomic<bool> open_ = false;
  std::atomic<int> inside_ = 0;
  std::atomic<int> came_ = 0;
  std::atomic<int> most_ = 0;
};

/// Each step of the run has completed once, and the journal is whole: what a run that went on through faults has to
/// show.
inline void expect_completed_once(const mesh& where, const run_id& id, std::size_t steps) {
  const auto run = where.inspect_run(id, {.include_history = true});
  ASSERT_TRUE(run) << to_string(run.error());
  EXPECT_EQ(run->status, run_status::completed) << to_json(*run).dump(2);
  std::map<std::string, int> completed;
  std::int64_t seq = 0;
  int ends = 0;
  for (const audit_event& e : run->history) {
    if (e.seq > 0) {
      EXPECT_GE(e.seq, seq) << to_json(*run).dump(2);
      seq = e.seq;
    }
    if (e.kind == "step_completed") ++completed[e.step];
    if (e.kind == "run_completed") ++ends;
  }
  EXPECT_EQ(completed.size(), steps) << to_json(*run).dump(2);
  for (const auto& [step, times] : completed) EXPECT_EQ(times, 1) << step << to_json(*run).dump(2);
  EXPECT_EQ(ends, 1);
}

}  // namespace squid_mesh::testing
