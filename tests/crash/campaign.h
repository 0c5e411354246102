// Killing a program at each of its fault points, one after the other, in worlds of their own.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace squid_mesh::testing {

/// Tries the points 1, 2, 3, ... until a program isn't killed any more.
class campaign {
 public:
  /// Runs the program in a new world, with this in its environment, and then to its end. Says whether it was killed.
  using attempt = std::function<bool(const std::string& fault)>;

  /// The processes mostly wait, for retries and for the lease of the dead.
  void run(int at_once, const attempt& try_in_new_world) {
    std::vector<std::thread> workers;
    workers.reserve(static_cast<std::size_t>(at_once));
    for (int i = 0; i < at_once; ++i) {
      workers.emplace_back([&] {
        while (!end_reached_) try_next_point(try_in_new_world);
      });
    }
    for (std::thread& worker : workers) worker.join();
  }

  /// At how many points it was killed.
  [[nodiscard]] int points() const { return killed_; }

 private:
  void try_next_point(const attempt& try_in_new_world) {
    const int point = ++last_taken_;
    SCOPED_TRACE("killed at fault point " + std::to_string(point));
    try {
      try_in_new_world("SQUID_MESH_FAULT=kill:" + std::to_string(point)) ? void(++killed_) : void(end_reached_ = true);
    } catch (const std::exception& e) {
      ADD_FAILURE() << e.what();
      end_reached_ = true;
    }
  }

  std::atomic<int> last_taken_ = 0;
  std::atomic<bool> end_reached_ = false;
  std::atomic<int> killed_ = 0;
};

}  // namespace squid_mesh::testing
