// A node's turns: what it writes, what it claims, and what becomes of both.
#include "jobs/new_job.h"
#include "jobs/node.h"
#include "telemetry/telling.h"

#include <algorithm>
#include <string>
#include <utility>

namespace squid_mesh::inline v1::jobs {
namespace {

/// How long to leave a database alone that has refused `refusals` times in a row, give or take a quarter.
microseconds refusal_pause(int refusals, double chance) {
  const auto base = std::chrono::milliseconds(20) * (1 << std::min(refusals, 6));
  return std::chrono::duration_cast<microseconds>(base * (0.75 + chance / 2));
}

}  // namespace

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
    const std::lock_guard lock(mutex_);
    claiming_ = false;
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
  {
    const std::lock_guard lock(mutex_);
    if (!working_ || now < next_glance_) return;
    next_glance_ = now + settings_.glance;
  }
  if (store_.changed_by_others(queue_names_)) next_poll_ = now;
  if (const auto present = store_.listening(); std::exchange(hearing_, present) == present) return;
  around_.log(level::info, hearing_ == storage::hearing::notified
                               ? "other processes' work is noticed at once"
                               : "notifications don't arrive: other processes' work is found by looking for it");
}

std::vector<node::submission> node::take_submissions() {
  const std::lock_guard lock(mutex_);
  std::size_t commits = 0;
  auto end = submitted_.begin();
  while (end != submitted_.end() && commits < settings_.max_batch) commits += (end++)->commits.size();
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
      note_available(c);
    }
  }
  const std::lock_guard lock(mutex_);
  if (!working_ || draining_) return batch;
  // What comes due is claimed in the same round; when it only looks around, it claims once there is something.
  const bool due = now >= next_due_;
  if (due || now >= next_poll_) batch.stage = queue_names_;
  for (auto& [name, queue] : queues_) {
    if (due) queue.maybe_more = true;
    if (queue.maybe_more && queue.running < queue.limit) {
      batch.claims.push_back({.queue = name, .limit = queue.limit - queue.running, .everywhere = queue.everywhere});
    }
  }
  claiming_ = !batch.claims.empty();
  return batch;
}

/// What a commit makes available in this node's own queues needs no looking for.
void node::note_available(const commit& next) {
  const std::lock_guard lock(mutex_);
  for (const job_insert& job : next.inserts) {
    if (const auto queue = queues_.find(job.queue); !job.scheduled_at && queue != queues_.end()) {
      queue->second.maybe_more = true;
    }
  }
  // What is woken, given back or rescued may be in any queue.
  const bool frees = std::ranges::any_of(next.jobs, [](const job_step& step) {
    return step.change.is == job_change::kind::give_back || step.change.is == job_change::kind::rescue;
  });
  if (!frees && next.wakes.empty()) return;
  for (auto& [name, queue] : queues_) queue.maybe_more = true;
}

/// What it leaves for later, this node will come back for.
void node::note_delays(const commit& made) {
  for (const auto* jobs : {&made.inserts, &made.wakes}) {
    for (const job_insert& job : *jobs) {
      if (job.scheduled_at) expect_due(*job.scheduled_at);
    }
  }
  for (const job_step& step : made.jobs) {
    if (step.change.is == job_change::kind::snooze || step.change.is == job_change::kind::retry) {
      expect_due(step.change.at);
    }
  }
}

void node::expect_due(time_point when) { next_due_ = std::min(next_due_, when); }

void node::write_batch(std::vector<submission> taken, const storage::batch& batch, time_point now) {
  const time_point began = around_.clock->now();
  auto outcome = store_.write(batch);
  if (!outcome && outcome.error().code == errc::invalid_argument && taken.size() > 1) {
    return write_apart(std::move(taken), now);
  }
  if (!outcome) return settle_failure(std::move(taken), outcome.error(), batch);
  refusals_ = 0;
  ++batches_;
  tell_batch(batch.commits.size(), began);
  note_claims(batch, *outcome, now);
  auto claimed = std::move(outcome->claimed);
  settle(std::move(taken), *std::move(outcome));
  deliver(std::move(claimed));
}

/// The database can't store what one of them says: the others are not to suffer for it.
void node::write_apart(std::vector<submission> taken, time_point now) {
  for (submission& one : taken) {
    storage::batch batch{.now = now, .commits = {}, .stage = {}, .claims = {}, .attempted_by = attempted_by_};
    for (const commit& c : one.commits) batch.commits.push_back(&c);
    std::vector<submission> alone;
    alone.push_back(std::move(one));
    write_batch(std::move(alone), batch, now);
  }
}

/// What the round says about where more work is.
void node::note_claims(const storage::batch& batch, const storage::batch_outcome& outcome, time_point now) {
  const std::lock_guard lock(mutex_);
  if (!batch.stage.empty()) {
    next_poll_ = now + settings_.poll;
    next_due_ = outcome.next_due.value_or(time_point::max());
  }
  for (const commit* next : batch.commits) note_delays(*next);
  for (const std::string& queue : outcome.available) queues_[queue].maybe_more = true;
  for (const storage::claim& wanted : batch.claims) {
    const auto got = std::ranges::count_if(outcome.claimed, [&](const auto& c) { return c.job.queue == wanted.queue; });
    queues_[wanted.queue].maybe_more = static_cast<std::size_t>(got) == wanted.limit;
  }
}

void node::settle(std::vector<submission> taken, storage::batch_outcome outcome) {
  auto next = std::make_move_iterator(outcome.commits.begin());
  for (submission& one : taken) {
    const auto end = next + static_cast<std::ptrdiff_t>(one.commits.size());
    std::vector<commit_outcome> outcomes(next, end);
    next = end;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].applied) observe(one.commits[i], outcomes[i]);
    }
    one.done(std::move(outcomes));
  }
  const std::lock_guard lock(mutex_);
  unsettled_ -= taken.size();
}

/// It is durable: whoever wants to know is told.
void node::observe(const commit& applied, const commit_outcome& outcome) {
  if (observer_) observer_(applied);
  if (is_heard()) around_.telemetry->tell(events_of(applied, outcome, around_.clock->now()));
}

void node::tell_batch(std::size_t commits, time_point began) const {
  if (commits == 0 || !is_heard()) return;
  const time_point now = around_.clock->now();
  around_.telemetry->tell(
      {{.kind = telemetry_kind::batch_committed, .at = now, .duration = now - began, .count = commits}});
}

void node::tell_fetched(const std::vector<storage::claimed_job>& claimed) const {
  if (claimed.empty() || !is_heard()) return;
  std::vector<telemetry_event> told;
  for (const storage::claimed_job& each : claimed) {
    const time_point at = each.job.attempted_at.value_or(around_.clock->now());
    told.push_back({.kind = telemetry_kind::job_fetched,
                    .at = at,
                    .attempt = each.job.attempt,
                    .job = each.job.id,
                    .queue = each.job.queue,
                    .worker = each.job.worker,
                    .duration = std::max(microseconds(0), at - each.job.scheduled_at)});
  }
  around_.telemetry->tell(told);
}

/// Nothing of the batch was written, or nobody knows: persistent submissions come back, the others' callers are told.
void node::settle_failure(std::vector<submission> taken, const error& reason, const storage::batch& batch) {
  const bool hopeless = reason.code == errc::invalid_argument;
  if (reason.code == errc::in_doubt && !batch.claims.empty()) claims_in_doubt_ = true;
  if (!hopeless) blocked_until_ = batch.now + refusal_pause(refusals_++, around_.random->next_fraction());
  around_.log(level::warning, "the database refused a write: " + to_string(reason));
  std::vector<submission> again;
  for (submission& one : taken) {
    if (reason.code == errc::in_doubt) {
      settle_doubt(std::move(one), again);
    } else if (one.how == patience::persist && !hopeless) {
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
    for (const commit& each : doubtful.commits) observe(each, {.applied = true});
    doubtful.done(std::vector<commit_outcome>(doubtful.commits.size(), {.applied = true}));
  } else if (doubtful.how == patience::persist) {
    // Its fence refuses it if it was applied all the same; whoever submitted it reads the journal then.
    again.push_back(std::move(doubtful));
  } else {
    doubtful.done(std::unexpected(error{.code = can_be_read_back && applied ? errc::unavailable : errc::in_doubt,
                                        .message = "the database did not confirm the write",
                                        .retryable = can_be_read_back && applied}));
  }
}

void node::deliver(std::vector<storage::claimed_job> claimed) {
  tell_fetched(claimed);
  std::vector<task> tasks;
  std::vector<commit> homeless;
  for (storage::claimed_job& work : claimed) {
    const auto who = workers_.find(work.job.worker);
    if (who == workers_.end()) {
      const std::string reason = "this process has no handler for worker " + work.job.worker;
      around_.log(level::error, "job " + to_string(work.job.id) + ": " + reason);
      commit failure;
      failure.jobs.push_back({.whose = delivery_of(work.job),
                              .change = after_failure(work.job, reason, std::nullopt, around_.clock->now(),
                                                      around_.random->next_fraction())});
      homeless.push_back(std::move(failure));
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
  next = std::min({next, next_glance_, std::max(std::min(next_poll_, next_due_), blocked_until_)});
  const bool claimable = std::ranges::any_of(
      queues_, [](const auto& entry) { return entry.second.maybe_more && entry.second.running < entry.second.limit; });
  return claimable ? std::max(now, blocked_until_) : next;
}

delivery node::delivery_of(const job_row& job) const {
  const auto who = workers_.find(job.worker);
  return {.job = job.id,
          .attempt = job.attempt,
          .holder = job.holder,
          .uncounted_attempt = who == workers_.end() ? job.attempt - 1 : who->second->uncounted_attempt(job),
          .queue = job.queue,
          .worker = job.worker,
          .since = job.attempted_at.value_or(time_point())};
}

}  // namespace squid_mesh::inline v1::jobs
