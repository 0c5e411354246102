#include "jobs/service.h"

#include "base/uuid_v7.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

namespace squid_mesh::inline v1::jobs {
namespace {

/// How long to go on trying to write what workers have done while the database refuses, when shutting down.
constexpr std::chrono::seconds last_writes{10};
/// How often those who listen are told how much waits in the queues.
constexpr std::chrono::seconds depth_interval{15};

std::string default_node_name() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host = {'h', 'o', 's', 't'};
  return std::string(host.data()) + ":" + std::to_string(getpid());
}

result<void> check(const service_options& options) {
  std::vector<problem> problems;
  const auto require = [&](bool holds, const char* path, const char* message) {
    if (!holds) problems.push_back({.path = path, .rule = "out_of_range", .message = message});
  };
  require(!options.queues.empty(), "queues", "at least one queue is needed");
  for (const queue_setting& each : options.queues) {
    require(!each.queue.empty(), "queues", "a queue needs a name");
    require(each.limit >= 1 && each.limit <= 10'000, "queues", "a queue's limit has to be 1 to 10,000");
    require(!each.everywhere || (*each.everywhere >= 1 && *each.everywhere <= 1'000'000), "queues",
            "a queue's limit for all nodes together has to be 1 to 1,000,000");
  }
  require(options.node_name.find_first_of(" \t\r\n") == std::string::npos, "node_name",
          "a node's name can't hold white space");
  require(options.grace.count() >= 0, "grace", "the grace period can't be negative");
  require(options.lease >= std::chrono::milliseconds(100), "lease", "the lease has to be at least 100 ms");
  require(options.poll >= std::chrono::milliseconds(10), "poll", "the poll interval has to be at least 10 ms");
  require(options.keep_finished.count() >= 0, "keep_finished_jobs", "the time to keep jobs can't be negative");
  require(options.max_batch >= 1, "max_batch", "a batch has to hold at least one commit");
  if (problems.empty()) return {};
  return std::unexpected(error{.code = errc::invalid_argument,
                               .message = "the options of the workers are not valid",
                               .problems = std::move(problems)});
}

std::size_t total_limit(const std::vector<queue_setting>& queues) {
  std::size_t total = 0;
  for (const queue_setting& queue : queues) total += queue.limit;
  return total;
}

}  // namespace

log_sink standard_log() {
  auto logger = std::make_shared<spdlog::logger>("squid_mesh", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  return [logger](level severity, std::string_view message) {
    constexpr std::array levels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};
    logger->log(levels.at(static_cast<std::size_t>(severity)), message);
  };
}

service::service(std::unique_ptr<storage::store> store, log_sink log, const telemetry_handlers& telemetry)
    : log_(log ? std::move(log) : standard_log()),
      telemetry_(telemetry, log_),
      store_(std::move(store)),
      node_(std::make_unique<node>(
          *store_,
          environment{.clock = &clock_, .random = &random_, .tasks = &tasks_, .log = log_, .telemetry = &telemetry_})) {
  if (!telemetry_.is_heard()) return;
  node_->add_duty("telemetry", depth_interval, [this](time_point now) { return tell_depths(now); });
}

result<void> service::tell_depths(time_point now) {
  const auto queues = store_->list_queues();
  if (!queues) return std::unexpected(queues.error());
  // Where there were jobs once, it is said that there are none.
  std::map<std::string, queue_record> watched;
  for (const std::string& each : watched_queues_) watched[each].queue = each;
  for (const queue_record& each : *queues) watched[each.queue] = each;
  std::vector<telemetry_event> told;
  for (const auto& [name, queue] : watched) {
    const microseconds waiting = queue.waiting_since ? now - *queue.waiting_since : microseconds(0);
    told.push_back({.kind = telemetry_kind::queue_depth,
                    .at = now,
                    .queue = name,
                    .duration = std::max(microseconds(0), waiting),
                    .depth = queue_counts{.available = queue.available,
                                          .scheduled = queue.scheduled,
                                          .executing = queue.executing,
                                          .retryable = queue.retryable}});
    watched_queues_.insert(name);
  }
  telemetry_.tell(told);
  return {};
}

service::~service() { stop(); }

result<void> service::start(const service_options& options) {
  if (auto valid = check(options); !valid) return valid;
  const std::lock_guard control(control_mutex_);
  if (loop_) return std::unexpected(error{.code = errc::conflict, .message = "the workers have been started already"});
  for (const queue_setting& each : options.queues) watched_queues_.insert(each.queue);
  auto began =
      node_->begin_work({.identity = {.name = options.node_name.empty() ? default_node_name() : options.node_name,
                                      .id = to_string(make_uuid_v7(clock_.now(), random_))},
                         .queues = options.queues,
                         .lease = options.lease,
                         .poll = options.poll,
                         .keep_finished = options.keep_finished,
                         .max_batch = options.max_batch});
  if (!began) return began;
  grace_ = options.grace;
  tasks_.threads = std::make_unique<pool>(total_limit(options.queues));
  loop_ = std::make_unique<loop>(*node_);
  const std::lock_guard lock(mutex_);
  running_ = true;
  return {};
}

void service::stop() {
  const std::lock_guard control(control_mutex_);
  if (!loop_) return;
  const auto quiet = [this] { return node_->quiet(); };
  node_->begin_drain();
  if (!loop_->wait_until(grace_, quiet)) {
    log_(level::info, "the grace period is over: running steps are asked to stop");
    node_->interrupt();
    while (!loop_->wait_until(last_writes, quiet)) {
      if (!node_->refused()) continue;  // A step that doesn't look at its stop token has to be waited for.
      log_(level::error, "the database doesn't take what the workers have done: giving up");
      node_->abandon();
    }
  }
  loop_.reset();
  node_->end_work();
  tasks_.threads.reset();
  const std::lock_guard lock(mutex_);
  running_ = false;
  stopped_.notify_all();
}

void service::wait_for_stop() {
  std::unique_lock lock(mutex_);
  stopped_.wait(lock, [this] { return !running_; });
}

}  // namespace squid_mesh::inline v1::jobs
