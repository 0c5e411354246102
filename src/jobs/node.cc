#include "jobs/node.h"

#include "jobs/new_job.h"

#include <squid_mesh/json.hpp>

#include <algorithm>
#include <future>
#include <string>
#include <utility>

namespace squid_mesh::jobs {
namespace {

constexpr std::size_t max_commits_per_turn = 1000;
constexpr std::size_t max_rescues_per_turn = 100;
constexpr std::size_t max_pruned_per_turn = 2000;

/// How long to leave a database alone that has refused `refusals` times in a row, give or take a quarter.
microseconds refusal_pause(int refusals, double chance) {
  const auto base = std::chrono::milliseconds(20) * (1 << std::min(refusals, 6));
  return std::chrono::duration_cast<microseconds>(base * (0.75 + chance / 2));
}

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
  const std::lock_guard lock(mutex_);
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

void node::set_driven(bool driven) {
  driven_ = driven;
  // A caller of `write` that still saw the loop counts on a turn after it.
  if (!driven) turn();
}

void node::wake() {
  std::function<void()> waker;
  {
    const std::lock_guard lock(mutex_);
    waker = waker_;
  }
  if (waker) waker();
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
    for (const auto& [queue, limit] : settings_.queues) {
      queues_[queue].limit = limit;
      queue_names_.push_back(queue);
    }
  }
  const microseconds heartbeat = settings_.lease / 4;
  std::erase_if(duties_, [](const duty& d) { return d.name.starts_with("node."); });
  duties_.push_back({"node.beat", heartbeat, [this](time_point now) { return beat(now); }, {}});
  duties_.push_back({"node.rescue", heartbeat, [this](time_point now) { return rescue(now); }, {}});
  duties_.push_back({"node.watch", heartbeat, [this](time_point now) { return watch(now); }, {}});
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
  return occupied_ == 0 && submitted_.empty() && unsettled_ == 0;
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

// -- Turns -----------------------------------------------------------------------------------------------------------

time_point node::turn() {
  const std::lock_guard turn_lock(turn_mutex_);
  const time_point now = around_.clock->now();
  run_timers(now);
  run_duties(now);
  glance(now);
  // Without a loop nobody would come back after the pause: callers try at once and are told.
  if (now >= blocked_until_ || !driven_) {
    deliver_forgotten(now);
    auto taken = take_submissions();
    const storage::batch batch = plan(taken, now);
    if (!batch.commits.empty() || !batch.claims.empty() || !batch.stage.empty()) {
      write_batch(std::move(taken), batch, now);
    }
  }
  return next_turn(around_.clock->now());
}

void node::run_timers(time_point now) {
  std::vector<task> due;
  {
    const std::lock_guard lock(mutex_);
    const auto end = timers_.upper_bound(now);
    for (auto it = timers_.begin(); it != end; ++it) due.push_back(std::move(it->second.what));
    timers_.erase(timers_.begin(), end);
  }
  for (task& what : due) what();
}

void node::run_duties(time_point now) {
  {
    const std::lock_guard lock(mutex_);
    if (!working_) return;
  }
  for (duty& next : duties_) {
    if (now < next.next) continue;
    next.next = now + next.interval;
    if (auto done = next.run_once(now); !done) {
      around_.log(level::warning, next.name + ": " + to_string(done.error()));
    }
  }
}

/// Looks whether other processes brought something, without a statement where possible.
void node::glance(time_point now) {
  const std::lock_guard lock(mutex_);
  if (!working_ || now < next_glance_) return;
  next_glance_ = now + settings_.glance;
  if (store_.changed_by_others()) next_stage_ = now;
}

std::vector<node::submission> node::take_submissions() {
  const std::lock_guard lock(mutex_);
  std::size_t commits = 0;
  auto end = submitted_.begin();
  while (end != submitted_.end() && commits < max_commits_per_turn) commits += (end++)->commits.size();
  std::vector<submission> taken(std::make_move_iterator(submitted_.begin()), std::make_move_iterator(end));
  submitted_.erase(submitted_.begin(), end);
  unsettled_ += taken.size();
  return taken;
}

storage::batch node::plan(const std::vector<submission>& taken, time_point now) {
  storage::batch batch{.now = now, .commits = {}, .stage = {}, .claims = {}, .attempted_by = attempted_by_};
  for (const submission& next : taken) {
    for (const commit& c : next.commits) {
      batch.commits.push_back(&c);
      note_inserts(c);
    }
  }
  const std::lock_guard lock(mutex_);
  if (!working_ || draining_) return batch;
  const bool stage = now >= next_stage_;
  if (stage) batch.stage = queue_names_;
  for (auto& [name, queue] : queues_) {
    if (stage) queue.maybe_more = true;
    if (queue.maybe_more && queue.running < queue.limit) {
      batch.claims.push_back({.queue = name, .limit = queue.limit - queue.running});
    }
  }
  return batch;
}

/// What a commit brings to this node's own queues needs no looking for.
void node::note_inserts(const commit& applied) {
  const std::lock_guard lock(mutex_);
  const auto more_in = [this](const std::string& name) {
    if (const auto queue = queues_.find(name); queue != queues_.end()) queue->second.maybe_more = true;
  };
  for (const job_insert& job : applied.inserts) {
    if (job.scheduled_at) {
      expect_due(*job.scheduled_at);
    } else {
      more_in(job.queue);
    }
  }
  if (!applied.job) return;
  if (applied.change.is == job_change::kind::snooze || applied.change.is == job_change::kind::retry) {
    expect_due(applied.change.at);
  } else if (applied.change.is == job_change::kind::give_back || applied.change.is == job_change::kind::rescue) {
    for (auto& [name, queue] : queues_) queue.maybe_more = true;
  }
}

void node::expect_due(time_point when) { next_stage_ = std::min(next_stage_, when); }

void node::write_batch(std::vector<submission> taken, const storage::batch& batch, time_point now) {
  auto outcome = store_.write(batch);
  if (!outcome) return settle_failure(std::move(taken), outcome.error(), batch);
  refusals_ = 0;
  ++batches_;
  if (!batch.stage.empty()) {
    next_stage_ = now + settings_.poll;
    if (outcome->next_due) expect_due(*outcome->next_due);
  }
  {
    const std::lock_guard lock(mutex_);
    for (const storage::claim& wanted : batch.claims) {
      const auto got =
          std::ranges::count_if(outcome->claimed, [&](const auto& c) { return c.job.queue == wanted.queue; });
      queues_[wanted.queue].maybe_more = static_cast<std::size_t>(got) == wanted.limit;
    }
  }
  auto claimed = std::move(outcome->claimed);
  settle(std::move(taken), *std::move(outcome));
  deliver(std::move(claimed));
}

void node::settle(std::vector<submission> taken, storage::batch_outcome outcome) {
  auto next = std::make_move_iterator(outcome.commits.begin());
  for (submission& one : taken) {
    const auto end = next + static_cast<std::ptrdiff_t>(one.commits.size());
    std::vector<commit_outcome> outcomes(next, end);
    next = end;
    if (one.doubtful) forgive_own_fence(one, outcomes);
    for (std::size_t i = 0; observer_ && i < outcomes.size(); ++i) {
      if (outcomes[i].applied) observer_(one.commits[i]);
    }
    one.done(std::move(outcomes));
  }
  const std::lock_guard lock(mutex_);
  unsettled_ -= taken.size();
}

/// Nothing of the batch was written, or nobody knows: persistent submissions come back, the others' callers are told.
void node::settle_failure(std::vector<submission> taken, const error& reason, const storage::batch& batch) {
  if (reason.code == errc::in_doubt && !batch.claims.empty()) claims_in_doubt_ = true;
  blocked_until_ = batch.now + refusal_pause(refusals_++, around_.random->next_fraction());
  around_.log(level::warning, "the database refused a write: " + to_string(reason));
  std::vector<submission> again;
  for (submission& one : taken) {
    if (reason.code == errc::in_doubt) {
      settle_doubt(std::move(one), again);
    } else if (one.how == patience::persist) {
      again.push_back(std::move(one));
    } else {
      one.done(std::unexpected(reason));
    }
  }
  const std::lock_guard lock(mutex_);
  unsettled_ -= taken.size();
  submitted_.insert(submitted_.begin(), std::make_move_iterator(again.begin()), std::make_move_iterator(again.end()));
}

/// A batch is one transaction: if one commit of a submission is there, all are.
void node::settle_doubt(submission doubtful, std::vector<submission>& again) {
  const commit& first = doubtful.commits.front();
  const bool can_be_read_back = first.start || !first.facts.empty();
  const auto applied = can_be_read_back ? store_.was_applied(first) : result<bool>(false);
  if (applied && *applied) {
    doubtful.done(std::vector<commit_outcome>(doubtful.commits.size(), {.applied = true}));
  } else if (doubtful.how == patience::persist) {
    doubtful.doubtful = true;
    again.push_back(std::move(doubtful));
  } else {
    doubtful.done(std::unexpected(error{.code = can_be_read_back && applied ? errc::unavailable : errc::in_doubt,
                                        .message = "the database did not confirm the write",
                                        .retryable = can_be_read_back && applied}));
  }
}

/// A repeated commit that is refused was perhaps written by its own first try.
void node::forgive_own_fence(const submission& one, std::span<commit_outcome> outcomes) {
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (!outcomes[i].applied) outcomes[i].applied = store_.was_applied(one.commits[i]).value_or(false);
  }
}

void node::deliver(std::vector<storage::claimed_job> claimed) {
  std::vector<task> tasks;
  std::vector<commit> homeless;
  for (storage::claimed_job& work : claimed) {
    const auto who = workers_.find(work.job.worker);
    if (who == workers_.end()) {
      const std::string reason = "this process has no handler for worker " + work.job.worker;
      around_.log(level::error, "job " + to_string(work.job.id) + ": " + reason);
      homeless.push_back({.job = delivery_of(work.job),
                          .change = after_failure(work.job, reason, std::nullopt, around_.clock->now(),
                                                  around_.random->next_fraction())});
      continue;
    }
    auto place = std::make_shared<slot>(delivery_of(work.job),
                                        [this, queue = work.job.queue, id = work.job.id] { release(queue, id); });
    {
      const std::lock_guard lock(mutex_);
      slots_[work.job.id] = place;
      ++queues_[work.job.queue].running;
      ++occupied_;
    }
    tasks.emplace_back([worker = who->second, work = std::move(work), place = std::move(place)]() mutable {
      worker->execute(std::move(work), std::move(place));
    });
  }
  if (!homeless.empty()) submit(std::move(homeless), patience::persist, [](auto) {});
  if (!tasks.empty()) around_.tasks->post(std::move(tasks));
}

/// Jobs that were claimed by a write whose answer was lost are ours without our knowing: nobody else will touch them.
void node::deliver_forgotten(time_point now) {
  if (!claims_in_doubt_) return;
  auto claimed = store_.find_claimed(queue_names_, attempted_by_);
  if (!claimed) {
    blocked_until_ = now + refusal_pause(refusals_++, around_.random->next_fraction());
    return;
  }
  claims_in_doubt_ = false;
  std::erase_if(*claimed, [this](const storage::claimed_job& work) {
    const std::lock_guard lock(mutex_);
    return slots_.contains(work.job.id);
  });
  deliver(*std::move(claimed));
}

void node::release(const std::string& queue, job_id id) {
  bool wanted = false;
  {
    const std::lock_guard lock(mutex_);
    // The same job may have been fetched again meanwhile: then the entry is the newer one's.
    if (const auto found = slots_.find(id); found != slots_.end() && found->second.expired()) slots_.erase(found);
    queue_state& state = queues_[queue];
    --state.running;
    --occupied_;
    wanted = state.maybe_more || draining_;
  }
  if (wanted) wake();
}

time_point node::next_turn(time_point now) const {
  const std::lock_guard lock(mutex_);
  time_point next = time_point::max();
  if (!timers_.empty()) next = timers_.begin()->first;
  if (!submitted_.empty()) next = std::min(next, std::max(now, blocked_until_));
  if (!working_) return next;
  for (const duty& d : duties_) next = std::min(next, d.next);
  if (draining_) return next;
  next = std::min({next, next_glance_, std::max(next_stage_, blocked_until_)});
  const bool claimable = std::ranges::any_of(
      queues_, [](const auto& entry) { return entry.second.maybe_more && entry.second.running < entry.second.limit; });
  return claimable ? std::max(now, blocked_until_) : next;
}

// -- Duties ----------------------------------------------------------------------------------------------------------

result<void> node::beat(time_point now) {
  return store_.beat({.node = settings_.identity, .now = now, .expires_at = now + settings_.lease});
}

/// Gives the jobs of dead nodes back, with what their workers have to say about it.
result<void> node::rescue(time_point now) {
  auto orphans = store_.find_orphans(queue_names_, now, max_rescues_per_turn);
  if (!orphans) return std::unexpected(std::move(orphans).error());
  for (const storage::claimed_job& work : *orphans) {
    const auto who = workers_.find(work.job.worker);
    if (who == workers_.end()) continue;
    around_.log(level::warning,
                "job " + to_string(work.job.id) + " is rescued from the dead node " + work.job.attempted_by);
    std::vector<commit> commits;
    commits.push_back(who->second->orphaned(work, delivery_of(work.job), now));
    submit(std::move(commits), patience::persist, [](auto) {});
  }
  return {};
}

result<void> node::prune(time_point now) {
  auto pruned = store_.prune_jobs(queue_names_, now - settings_.keep_finished, max_pruned_per_turn);
  if (!pruned) return std::unexpected(std::move(pruned).error());
  // A full batch means that more is waiting: go on soon, without holding up work meanwhile.
  if (*pruned >= max_pruned_per_turn) {
    std::ranges::find(duties_, "node.prune", &duty::name)->next = now + std::chrono::milliseconds(50);
  }
  return {};
}

/// Withdraws running jobs that somebody else has cancelled or taken.
result<void> node::watch(time_point) {
  const auto ids = running();
  if (ids.empty()) return {};
  auto ended = store_.not_executing(ids);
  if (!ended) return std::unexpected(std::move(ended).error());
  for (const job_id id : *ended) withdraw(id);
  return {};
}

delivery node::delivery_of(const job_row& job) const {
  const auto who = workers_.find(job.worker);
  return {.job = job.id,
          .attempt = job.attempt,
          .holder = job.holder,
          .uncounted_attempt = who == workers_.end() ? job.attempt - 1 : who->second->uncounted_attempt(job)};
}

}  // namespace squid_mesh::jobs
