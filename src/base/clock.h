// Where the time comes from: always from outside, so that a test can turn the hands.
#pragma once

#include <squid_mesh/time.hpp>

#include <chrono>

namespace squid_mesh {

/// Safe to use from several threads.
class clock_source {
 public:
  clock_source() = default;
  clock_source(const clock_source&) = delete;
  clock_source& operator=(const clock_source&) = delete;
  virtual ~clock_source() = default;

  [[nodiscard]] virtual time_point now() const = 0;
};

/// The machine's clock.
class system_clock final : public clock_source {
 public:
  [[nodiscard]] time_point now() const override {
    return std::chrono::floor<microseconds>(std::chrono::system_clock::now());
  }
};

}  // namespace squid_mesh
