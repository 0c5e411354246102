#pragma once

#include "base/clock.h"

#include <squid_mesh/time.hpp>

#include <chrono>

namespace squid_mesh::testing {

/// A clock whose hands the simulation turns.
class virtual_clock final : public clock_source {
 public:
  [[nodiscard]] time_point now() const override { return now_; }
  void set(time_point now) { now_ = now; }

 private:
  time_point now_{std::chrono::sys_days(std::chrono::year(2026) / 1 / 5) + std::chrono::hours(8)};
};

}  // namespace squid_mesh::testing
