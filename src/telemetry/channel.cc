#include "telemetry/channel.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// How long to go on handing over what waits when the engine is destroyed.
constexpr std::chrono::seconds last_words{5};
/// How many events a handler gets in one call at most.
constexpr std::size_t max_handed_over = 1'024;
/// A handler that fails again and again is not to fill the log.
constexpr std::chrono::seconds between_complaints{10};

}  // namespace

/// One handler, what waits for it, and its thread.
class telemetry_channel::outlet {
 public:
  outlet(std::shared_ptr<telemetry_handler> handler, log_sink log)
      : handler_(std::move(handler)), log_(std::move(log)), thread_([this] { run(); }) {}
  outlet(const outlet&) = delete;
  outlet& operator=(const outlet&) = delete;
  ~outlet() {
    {
      const std::lock_guard lock(mutex_);
      closes_at_ = std::chrono::steady_clock::now() + last_words;
    }
    wanted_.notify_one();
    thread_.join();
  }

  void add(const std::vector<telemetry_event>& events) {
    {
      const std::lock_guard lock(mutex_);
      const std::size_t room = max_waiting_telemetry - std::min(max_waiting_telemetry, waiting_.size());
      const auto end = events.begin() + static_cast<std::ptrdiff_t>(std::min(room, events.size()));
      waiting_.insert(waiting_.end(), events.begin(), end);
      dropped_ += static_cast<std::size_t>(events.end() - end);
    }
    wanted_.notify_one();
  }

 private:
  void run() {
    for (;;) {
      std::vector<telemetry_event> taken;
      std::size_t dropped = 0;
      {
        std::unique_lock lock(mutex_);
        wanted_.wait(lock, [this] { return closes_at_ || dropped_ > 0 || !waiting_.empty(); });
        const bool is_late = closes_at_ && std::chrono::steady_clock::now() > *closes_at_;
        if (is_late || (closes_at_ && waiting_.empty())) return;
        taken.swap(waiting_);
        dropped = std::exchange(dropped_, 0);
      }
      hand_over(taken, dropped);
    }
  }

  void hand_over(std::span<const telemetry_event> events, std::size_t dropped) {
    if (dropped > 0) {
      complain("a telemetry handler is too slow: " + std::to_string(dropped) + " events were dropped");
      guarded([&] { handler_->dropped(dropped); });
    }
    for (; !events.empty() && !is_over(); events = events.subspan(std::min(max_handed_over, events.size()))) {
      guarded([&] { handler_->on(events.first(std::min(max_handed_over, events.size()))); });
    }
  }

  [[nodiscard]] bool is_over() {
    const std::lock_guard lock(mutex_);
    return closes_at_ && std::chrono::steady_clock::now() > *closes_at_;
  }

  template <class Call>
  void guarded(Call&& call) {
    try {
      call();
    } catch (const std::exception& e) {
      complain(std::string("a telemetry handler failed: ") + e.what());
    } catch (...) {
      complain("a telemetry handler threw something that is not a std::exception");
    }
  }

  void complain(const std::string& what) {
    const auto now = std::chrono::steady_clock::now();
    if (complained_at_ && now - *complained_at_ < between_complaints) return;
    complained_at_ = now;
    log_(level::warning, what);
  }

  const std::shared_ptr<telemetry_handler> handler_;
  const log_sink log_;
  std::optional<std::chrono::steady_clock::time_point> complained_at_;  ///< of the thread alone

  std::mutex mutex_;
  std::condition_variable wanted_;
  std::vector<telemetry_event> waiting_;
  std::size_t dropped_ = 0;
  std::optional<std::chrono::steady_clock::time_point> closes_at_;

  std::thread thread_;  ///< the last member: it uses all others
};

telemetry_channel::telemetry_channel(const telemetry_handlers& handlers, log_sink log) {
  for (const auto& each : handlers) {
    if (each) outlets_.push_back(std::make_unique<outlet>(each, log));
  }
}

telemetry_channel::~telemetry_channel() = default;

void telemetry_channel::tell(const std::vector<telemetry_event>& events) {
  if (events.empty()) return;
  for (const auto& each : outlets_) each->add(events);
}

}  // namespace squid_mesh::inline v1
