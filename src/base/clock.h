// Where the time comes from: always from outside, so that a test can turn the hands.
#pragma once

#include <squid_mesh/time.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace squid_mesh::inline v1 {

/// Safe to use from several threads.
class clock_source {
 public:
  clock_source() = default;
  clock_source(const clock_source&) = delete;
  clock_source& operator=(const clock_source&) = delete;
  virtual ~clock_source() = default;

  [[nodiscard]] virtual time_point now() const = 0;

  /// Somebody whose clock counts for all said that it was `seen`, between `asked` and `answered` by this clock.
  virtual void compare(time_point seen, time_point asked, time_point answered) {
    static_cast<void>(seen), static_cast<void>(asked), static_cast<void>(answered);
  }
};

/// The machine's clock, set by the one that it is compared with: machines that share a database share its time.
class system_clock final : public clock_source {
 public:
  [[nodiscard]] time_point now() const override {
    return std::chrono::floor<microseconds>(std::chrono::system_clock::now()) + microseconds(offset_.load());
  }

  /// Corrects what the time that the question took can't explain.
  void compare(time_point seen, time_point asked, time_point answered) override {
    if (seen < asked) offset_ -= (asked - seen).count();
    if (seen > answered) offset_ += (seen - answered).count();
  }

 private:
  std::atomic<std::int64_t> offset_ = 0;
};

}  // namespace squid_mesh::inline v1
