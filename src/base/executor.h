// Where tasks run: on a pool of threads in a service, in a seeded order in a simulation.
#pragma once

#include <functional>
#include <vector>

namespace squid_mesh::inline v1 {

/// Work to do once. It must not throw.
using task = std::move_only_function<void()>;

/// Safe to use from several threads.
class executor {
 public:
  executor() = default;
  executor(const executor&) = delete;
  executor& operator=(const executor&) = delete;
  virtual ~executor() = default;

  /// Runs each task later, never inside this call, possibly at the same time as others.
  virtual void post(std::vector<task> tasks) = 0;
};

}  // namespace squid_mesh::inline v1
