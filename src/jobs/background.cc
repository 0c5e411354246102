#include "jobs/background.h"

#include <utility>

namespace squid_mesh::inline v1::jobs {

background::background(std::function<microseconds()> once)
    : once_(std::move(once)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void background::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const microseconds pause = once_();
    std::unique_lock lock(mutex_);
    stopped_.wait_for(lock, stop, pause, [] { return false; });
  }
}

}  // namespace squid_mesh::inline v1::jobs
