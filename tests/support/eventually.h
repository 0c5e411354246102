// Waiting for what other threads and processes do.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace squid_mesh::testing {

/// Waits until it holds, for as long as a slow machine may take; says whether it holds.
inline bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds limit = std::chrono::seconds(40)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace squid_mesh::testing
