// Where random numbers come from: always from outside, so that a test can seed them.
#pragma once

#include <cstdint>
#include <mutex>
#include <random>

namespace squid_mesh::inline v1 {

/// Safe to use from several threads.
class random_source {
 public:
  random_source() = default;
  random_source(const random_source&) = delete;
  random_source& operator=(const random_source&) = delete;
  virtual ~random_source() = default;

  /// Any of 2^64 values.
  virtual std::uint64_t next() = 0;

  /// In [0, 1).
  double next_fraction() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }
};

/// Seeded once; by the operating system unless a seed is given.
class seeded_random final : public random_source {
 public:
  seeded_random() : engine_((std::uint64_t{std::random_device{}()} << 32U) | std::random_device{}()) {}
  explicit seeded_random(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t next() override {
    const std::lock_guard lock(mutex_);
    return engine_();
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

}  // namespace squid_mesh::inline v1
