// A node with the real world around it: the machine's clock, threads, and the shape of starting and stopping.
#pragma once

#include "base/clock.h"
#include "base/random.h"
#include "jobs/loop.h"
#include "jobs/node.h"
#include "jobs/pool.h"
#include "storage/store.h"
#include "telemetry/channel.h"

#include <squid_mesh/error.hpp>
#include <squid_mesh/log.hpp>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace squid_mesh::inline v1::jobs {

struct service_options {
  std::string node_name;  ///< empty: host name and process id
  std::vector<queue_setting> queues;
  microseconds grace{};
  microseconds lease{};
  microseconds poll{};
  microseconds keep_finished{};
  std::size_t max_batch = 1'000;
};

/// Safe to use from several threads.
class service {
 public:
  service(std::unique_ptr<storage::store> store, log_sink log, const telemetry_handlers& telemetry);
  service(const service&) = delete;
  service& operator=(const service&) = delete;
  /// Stops first.
  ~service();

  /// `invalid_argument` for options that make no sense, `conflict` when it works already.
  result<void> start(const service_options& options);
  /// Returns when everything has stopped. Legal at any time, also twice.
  void stop();
  /// Waits until `stop` is called from another thread.
  void wait_for_stop();

  [[nodiscard]] node& worker_node() { return *node_; }
  [[nodiscard]] storage::store& store() { return *store_; }
  [[nodiscard]] time_point now() const { return clock_.now(); }
  [[nodiscard]] random_source& random() { return random_; }
  [[nodiscard]] const log_sink& log() const { return log_; }
  [[nodiscard]] telemetry_channel& telemetry() { return telemetry_; }

 private:
  result<void> tell_depths(time_point now);

  /// Passes tasks on to the pool of the present start.
  class executor_of_the_day final : public executor {
   public:
    /// Between a stop and the next start nobody goes on: what is dropped here, whoever works next takes up.
    void post(std::vector<task> tasks) override {
      if (threads) threads->post(std::move(tasks));
    }
    std::unique_ptr<pool> threads;
  };

  system_clock clock_;
  seeded_random random_;
  executor_of_the_day tasks_;
  const log_sink log_;
  telemetry_channel telemetry_;
  const std::unique_ptr<storage::store> store_;
  std::set<std::string> watched_queues_;  ///< those that are told of also when they are empty; of turns, while it works
  const std::unique_ptr<node> node_;

  std::mutex control_mutex_;  ///< held while starting and stopping
  std::unique_ptr<loop> loop_;
  microseconds grace_{};

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool running_ = false;
};

/// A sink that writes to standard error, for hosts that give none.
log_sink standard_log();

}  // namespace squid_mesh::inline v1::jobs
