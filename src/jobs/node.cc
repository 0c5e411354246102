#include "jobs/node.h"

#include <squid_mesh/json.hpp>

#include <algorithm>
#include <future>
#include <utility>

namespace squid_mesh::inline v1::jobs {
namespace {

/// A running job learns within this time that it isn't wanted any more.
constexpr microseconds longest_watch = std::chrono::seconds(1);

}  // namespace

node::node(storage::store& store, environment around) : store_(store), around_(std::move(around)) {}

// -- Before work begins ----------------------------------------------------------------------------------------------

void node::add_worker(std::string name, std::shared_ptr<worker> who) {
  const std::lock_guard lock(turn_mutex_);
  workers_[std::move(name)] = std::move(who);
}

void node::add_duty(std::string name, microseconds interval, std::function<result<void>(time_point)> run_once) {
  const std::lock_guard lock(turn_mutex_);
  duties_.push_back({.name = std::move(name), .interval = interval, .run_once = std::move(run_once), .next = {}});
}

void node::set_observer(std::function<void(const commit&)> observer) {
  const std::lock_guard lock(turn_mutex_);
  observer_ = std::move(observer);
}

void node::set_waker(std::function<void()> waker) {
  const std::lock_guard lock(waker_mutex_);
  waker_ = std::move(waker);
}

// -- Writing ---------------------------------------------------------------------------------------------------------

void node::submit(std::vector<commit> commits, patience how, written done) {
  {
    const std::lock_guard lock(mutex_);
    submitted_.push_back({.commits = std::move(commits), .how = how, .done = std::move(done)});
  }
  wake();
}

result<std::vector<commit_outcome>> node::write(std::vector<commit> commits) {
  std::promise<result<std::vector<commit_outcome>>> promise;
  auto answer = promise.get_future();
  submit(std::move(commits), patience::give_up, [&promise](auto outcomes) { promise.set_value(std::move(outcomes)); });
  if (!driven_) turn();
  return answer.get();
}

void node::note_written(const commit& applied) {
  note_available(applied);
  at(around_.clock->now(), [this, applied] {
    note_delays(applied);
    observe(applied, {.applied = true});
  });
}

void node::set_driven(bool driven) {
  driven_ = driven;
  // A caller of `write` that still saw the loop counts on a turn after it.
  if (!driven) turn();
}

void node::wake() {
  const std::lock_guard lock(waker_mutex_);
  if (waker_) waker_();
}

// -- Working ---------------------------------------------------------------------------------------------------------

result<void> node::begin_work(node_settings settings) {
  const std::lock_guard turn_lock(turn_mutex_);
  attempted_by_ = json::array({settings.identity.name, settings.identity.id}).dump();
  queue_names_.clear();
  {
    const std::lock_guard lock(mutex_);
    settings_ = std::move(settings);
    queues_.clear();
    for (const auto& [queue, limit, everywhere] : settings_.queues) {
      queues_[queue].limit = limit;
      queues_[queue].everywhere = everywhere;
      queue_names_.push_back(queue);
    }
  }
  const microseconds heartbeat = settings_.lease / 4;
  std::erase_if(duties_, [](const duty& d) { return d.name.starts_with("node."); });
  duties_.push_back({"node.beat", heartbeat, [this](time_point now) { return beat(now); }, {}});
  duties_.push_back({"node.rescue", heartbeat, [this](time_point now) { return rescue(now); }, {}});
  duties_.push_back(
      {"node.watch", std::min(heartbeat, longest_watch), [this](time_point now) { return watch(now); }, {}});
  duties_.push_back({"node.prune", std::chrono::seconds(5), [this](time_point now) { return prune(now); }, {}});
  // Claimed jobs of a node that nobody has heard of would be taken for orphans.
  if (auto alive = beat(around_.clock->now()); !alive) return alive;
  draining_ = false;
  const std::lock_guard lock(mutex_);
  working_ = true;
  return {};
}

void node::begin_drain() { draining_ = true; }

void node::interrupt() {
  std::vector<std::shared_ptr<slot>> running;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, place] : slots_) {
      if (auto held = place.lock()) running.push_back(std::move(held));
    }
  }
  for (const auto& place : running) place->request_shutdown();
}

bool node::quiet() const {
  const std::lock_guard lock(mutex_);
  return occupied_ == 0 && submitted_.empty() && unsettled_ == 0 && !claiming_;
}

node::load node::present_load() const {
  const std::lock_guard lock(mutex_);
  return {.running = occupied_, .submitted = submitted_.size()};
}

void node::abandon() {
  std::vector<submission> forgotten;
  const std::lock_guard turn_lock(turn_mutex_);
  const std::lock_guard lock(mutex_);
  forgotten.swap(submitted_);
}

void node::end_work() {
  const std::lock_guard turn_lock(turn_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (!working_) return;
    working_ = false;
  }
  if (auto removed = store_.remove_node(settings_.identity); !removed) {
    around_.log(level::warning, "the node's heartbeat could not be removed: " + to_string(removed.error()));
  }
}

void node::look_again() {
  {
    const std::lock_guard lock(mutex_);
    for (auto& [name, queue] : queues_) queue.maybe_more = true;
  }
  wake();
}

void node::withdraw(job_id id) {
  std::shared_ptr<slot> place;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = slots_.find(id); found != slots_.end()) place = found->second.lock();
  }
  if (place) place->withdraw();
}

std::vector<job_id> node::running() const {
  const std::lock_guard lock(mutex_);
  std::vector<job_id> ids;
  ids.reserve(slots_.size());
  for (const auto& [id, place] : slots_) ids.push_back(id);
  return ids;
}

std::uint64_t node::at(time_point when, task what) {
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = next_timer_++;
    timers_.emplace(when, timer{.id = id, .what = std::move(what)});
  }
  wake();
  return id;
}

void node::cancel_timer(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  std::erase_if(timers_, [id](const auto& entry) { return entry.second.id == id; });
}

}  // namespace squid_mesh::inline v1::jobs
