// A telemetry handler that remembers what it was told.
#pragma once

#include <squid_mesh/telemetry.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace squid_mesh::testing {

/// Safe to use from several threads.
class recorder final : public telemetry_handler {
 public:
  void on(std::span<const telemetry_event> events) override {
    const std::lock_guard lock(mutex_);
    events_.insert(events_.end(), events.begin(), events.end());
    came_.notify_all();
  }

  [[nodiscard]] std::vector<telemetry_event> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }

  /// Those of one run, in order.
  [[nodiscard]] std::vector<telemetry_event> of(const run_id& run) const {
    auto all = events();
    std::erase_if(all, [&](const telemetry_event& each) { return each.run != run; });
    return all;
  }

  [[nodiscard]] std::vector<telemetry_event> of(telemetry_kind kind) const {
    auto all = events();
    std::erase_if(all, [&](const telemetry_event& each) { return each.kind != kind; });
    return all;
  }

  /// The names of a run's events, with their steps; those of its jobs and deliveries left out.
  [[nodiscard]] std::vector<std::string> story_of(const run_id& run) const {
    std::vector<std::string> story;
    for (const telemetry_event& each : of(run)) {
      const std::string name(to_string(each.kind));
      if (name.starts_with("job.") || each.kind == telemetry_kind::run_dispatched) continue;
      story.push_back(each.step.empty() ? name : name + " " + each.step);
    }
    return story;
  }

  /// Waits until there is such an event; false after twenty seconds.
  bool wait_for(const std::function<bool(const telemetry_event&)>& wanted) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, std::chrono::seconds(20), [&] { return std::ranges::any_of(events_, wanted); });
  }
  bool wait_for(const run_id& run, telemetry_kind kind) {
    return wait_for([&](const telemetry_event& each) { return each.run == run && each.kind == kind; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable came_;
  std::vector<telemetry_event> events_;
};

}  // namespace squid_mesh::testing
