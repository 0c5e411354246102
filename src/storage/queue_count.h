// Counting the jobs of queues by their states.
#pragma once

#include "model/records.h"

#include <squid_mesh/jobs.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::storage {

class queue_counts {
 public:
  void add(std::string_view queue, jobs::state state, std::size_t count, time_point first_at) {
    queue_record& of = at(queue);
    switch (state) {
      case jobs::state::available:
        of.available = count;
        of.waiting_since = first_at;
        break;
      case jobs::state::scheduled:
        of.scheduled = count;
        break;
      case jobs::state::executing:
        of.executing = count;
        break;
      case jobs::state::retryable:
        of.retryable = count;
        break;
      default:
        break;
    }
  }
  void add_paused(std::string_view queue) { at(queue).is_paused = true; }

  [[nodiscard]] std::vector<queue_record> all() const {
    std::vector<queue_record> found;
    found.reserve(by_name_.size());
    for (const auto& [name, counted] : by_name_) found.push_back(counted);
    return found;
  }

 private:
  queue_record& at(std::string_view queue) {
    queue_record& of = by_name_[std::string(queue)];
    of.queue = queue;
    return of;
  }

  std::map<std::string, queue_record> by_name_;
};

}  // namespace squid_mesh::storage
