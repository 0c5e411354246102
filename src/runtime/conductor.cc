#include "runtime/conductor.h"

#include "progress/policy.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// How long a run waits whose facts the database can't store.
constexpr std::chrono::minutes refused_pause{5};
/// How long a run waits whose journal can't be understood.
constexpr std::chrono::seconds unreadable_pause{30};
/// How long to wait for a database that can't be reached.
constexpr std::chrono::seconds unavailable_pause{1};

bool writes_something(const decision& made) { return !made.facts.empty() || made.status || ends_delivery(made.job.is); }

}  // namespace

conductor::conductor(workflows& known, jobs::node& node, run_state state, redactor secrets)
    : known_(known),
      node_(node),
      run_(state.id),
      definition_(state.definition),
      secrets_(std::move(secrets)),
      label_(state.label),
      state_(std::move(state)) {}

moment conductor::present(const performer& who) const {
  return {.now = node_.around().clock->now(),
          .node = node_.identity().name,
          .chance = node_.around().random->next_fraction(),
          .draining = node_.draining(),
          .queue = who.queue()};
}

void conductor::log(level severity, const std::string& message) const {
  node_.around().log({.severity = severity, .message = message, .run = run_, .workflow = definition_->name()});
}

void conductor::on(std::shared_ptr<performer> who, worker_event what) {
  desk_ref open;
  {
    const std::lock_guard lock(mutex_);
    open = desk_.lock();
    const bool is_seen_to = open != nullptr;
    if (!is_seen_to) {
      open = std::make_shared<desk>();
      desk_ = open;
    }
    open->waiting.push_back({.who = std::move(who), .what = std::move(what)});
    if (is_seen_to) return;
  }
  pump(open);
}

bool conductor::goes_on(const desk& open) {
  if (open.waiting.empty()) desk_.reset();
  return !open.waiting.empty();
}

void conductor::expect(std::int64_t seq) {
  const std::lock_guard lock(mutex_);
  expected_seq_ = std::max(expected_seq_, seq);
}

/// Decides what waits.
void conductor::pump(const desk_ref& open) {
  std::vector<happening> done;
  for (bool more = true; more;) {
    const std::lock_guard lock(mutex_);
    if (!bring_up_to_date(open)) break;
    auto& waiting = open->waiting;
    const auto end = open->one_by_one ? waiting.begin() + 1 : waiting.end();
    open->written.assign(std::make_move_iterator(waiting.begin()), std::make_move_iterator(end));
    waiting.erase(waiting.begin(), end);
    auto commits = plan(*open);
    if (!commits.empty()) {
      submit(std::move(commits), open);
      break;
    }
    std::ranges::move(std::exchange(open->written, {}), std::back_inserter(done));
    more = goes_on(*open);
  }
  go_on(std::move(done));
}

bool conductor::has_moved() const {
  const std::lock_guard lock(mutex_);
  return moved_;
}

/// With `mutex_` held. False: nobody knows where the run is, or somebody else does; what waits is seen to.
bool conductor::bring_up_to_date(const desk_ref& open) {
  if (!outdated_ && state_.last_seq >= expected_seq_) return true;
  auto state = read_state();
  if (state && state->definition->fingerprint() == definition_->fingerprint()) {
    state_ = *std::move(state);
    expected_seq_ = state_.last_seq;
    outdated_ = false;
    return true;
  }
  if (state) {
    // Nobody executed a job of the run when it was moved. What waits here has begun since, or isn't ours any more.
    moved_ = true;
    put_back(*open, {.is = job_change::kind::give_back});
    return false;
  }
  log(level::error, to_string(state.error()));
  const time_point now = node_.around().clock->now();
  const bool is_deleted = state.error().code == errc::not_found;
  if (state.error().code == errc::storage || is_deleted) {
    put_back(*open, {.is = job_change::kind::snooze, .at = now + unreadable_pause});
  } else {
    // The results of attempts are not to be lost for it: the same again soon.
    node_.at(now + unavailable_pause, [self = shared_from_this(), open] { self->post_pump(open); });
  }
  return false;
}

result<run_state> conductor::read_state() const {
  const auto history = node_.store().read_recent(run_);
  if (!history) return std::unexpected(history.error());
  return known_.fold(*history);
}

void conductor::post_pump(desk_ref open) {
  std::vector<task> tasks;
  tasks.emplace_back([self = shared_from_this(), open = std::move(open)] { self->pump(open); });
  node_.around().tasks->post(std::move(tasks));
}

/// Nothing is decided: all jobs that wait for it go back.
void conductor::put_back(desk& open, const job_change& change) {
  for (const happening& each : std::exchange(open.waiting, {})) put_back(each.who->place(), change);
  desk_.reset();
}

/// The job comes back, whatever the run's state is.
void conductor::put_back(const jobs::slot& place, const job_change& change) {
  std::vector<commit> commits;
  commits.push_back({.run = run_});
  commits.back().jobs.push_back({.whose = place.delivery(), .change = change, .releases = std::nullopt});
  node_.submit(std::move(commits), jobs::patience::persist, [](auto) {});
}

/// The commits of what is to be written: one with all that has facts, or else one for each job.
std::vector<commit> conductor::plan(desk& open) {
  for (auto each = open.written.begin(); each != open.written.end(); ++each) {
    decide_on(*each);
    // A commit has room for one run that begins; and on a state that is broken nothing more is decided. What came after
    // it waits for the next.
    if (!each->made.begins && !outdated_) continue;
    open.waiting.insert(open.waiting.begin(), std::make_move_iterator(each + 1),
                        std::make_move_iterator(open.written.end()));
    open.written.erase(each + 1, open.written.end());
    break;
  }
  const bool has_facts = std::ranges::any_of(open.written, [](const happening& h) { return !h.made.facts.empty(); });
  std::vector<commit> commits;
  std::vector<driven_branch> holders;
  for (happening& each : open.written) {
    const bool writes = writes_something(each.made);
    if (!writes && !has_facts) continue;
    // Beside facts everything stands or falls with them: it was decided on the state that they make.
    if (!has_facts || commits.empty()) commits.emplace_back();
    if (writes) {
      add_to(commits.back(), state_, each.made, each.who->place().delivery());
      holders.push_back(driven(state_, each.who->branch()));
    }
    each.commit = commits.size() - 1;
  }
  if (has_facts) reconcile_wakes(commits.front(), holders);
  return commits;
}

void conductor::decide_on(happening& each) {
  each.commit.reset();
  each.made = decide(state_, each.what, present(*each.who));
  if (!each.made.stale) return;
  if (each.made.refusal) {
    log(level::error, to_string(*each.made.refusal));
    outdated_ = true;
  }
  // The journal has moved on without us. Whether the job is still ours is for its fence to say: if it is, whoever gets
  // it next goes on from where the branch is; if not, this changes nothing, and nothing is begun beside its new holder.
  each.made = decision();
  each.made.job.is = job_change::kind::give_back;
}

void conductor::submit(std::vector<commit> commits, desk_ref open) {
  const auto written = [self = shared_from_this(), open = std::move(open)](auto outcome) {
    // In a task of its own: turns are short, and a run may have any number of steps.
    std::vector<task> tasks;
    tasks.emplace_back(
        [self, open, answer = std::move(outcome)]() mutable { self->on_written(std::move(answer), open); });
    self->node_.around().tasks->post(std::move(tasks));
  };
  node_.submit(std::move(commits), jobs::patience::persist, written);
}

void conductor::on_written(result<std::vector<commit_outcome>> outcome, const desk_ref& open) {
  std::vector<happening> done;
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    if (outcome) {
      done = settle(*outcome, *open);
    } else {
      log(level::error, "a commit was given up: " + to_string(outcome.error()));
      refused(outcome.error(), *open);
    }
    more = goes_on(*open);
  }
  if (more) pump(open);
  go_on(std::move(done));
}

/// With `mutex_` held. Returns what was written; the rest waits again.
std::vector<conductor::happening> conductor::settle(const std::vector<commit_outcome>& outcomes, desk& open) {
  std::vector<happening> done;
  std::vector<happening> again;
  for (happening& each : std::exchange(open.written, {})) {
    if (each.commit && !outcomes[*each.commit].applied) {
      outdated_ = true;
      // Somebody else has changed the run. If the job is still ours, the event is decided again on what they made of
      // it.
      if (is_ours(each.who->place())) {
        again.push_back(std::move(each));
      } else {
        log(level::warning, "another worker has taken it over; what was done here is dropped");
      }
      continue;
    }
    const bool lost =
        each.commit && std::ranges::count(outcomes[*each.commit].lost, each.who->place().delivery().job) > 0;
    if (lost && each.made.run_next) {
      log(level::warning, "its job was taken away; whoever has it goes on");
      each.made.run_next.reset();
    }
    done.push_back(std::move(each));
  }
  open.waiting.insert(open.waiting.begin(), std::make_move_iterator(again.begin()),
                      std::make_move_iterator(again.end()));
  return done;
}

/// The database can't store what came of a step: that is the step's failure. If it can't store that either, the run
/// waits for somebody to see to it. With `mutex_` held.
void conductor::refused(const error& reason, desk& open) {
  outdated_ = true;
  std::vector<happening> again = std::exchange(open.written, {});
  if (again.size() > 1) {
    open.one_by_one = true;
  } else if (const auto* output = std::get_if<event::succeeded>(&again.front().what)) {
    error failure = reason;
    failure.code = errc::storage;
    again.front().what = event::failed{.of = output->of, .reason = std::move(failure)};
  } else {
    put_back(again.front().who->place(),
             {.is = job_change::kind::snooze, .at = node_.around().clock->now() + refused_pause});
    again.clear();
  }
  open.waiting.insert(open.waiting.begin(), std::make_move_iterator(again.begin()),
                      std::make_move_iterator(again.end()));
}

bool conductor::is_ours(const jobs::slot& place) const {
  const delivery& held = place.delivery();
  const auto job = node_.store().read_job(held.job);
  // While nobody can say, the result of an attempt is not to be lost: the fences decide when it is written.
  if (!job) return job.error().code != errc::not_found;
  return job->state == jobs::state::executing && job->attempt == held.attempt && job->holder == held.holder;
}

/// The last one on this thread, all others in tasks of their own: they may take long.
void conductor::go_on(std::vector<happening> done) const {
  std::erase_if(done, [](const happening& each) { return !each.made.run_next; });
  std::vector<task> tasks;
  while (done.size() > 1) {
    tasks.emplace_back([who = std::move(done.back().who), next = *done.back().made.run_next] { who->perform(next); });
    done.pop_back();
  }
  if (!tasks.empty()) node_.around().tasks->post(std::move(tasks));
  if (!done.empty()) done.front().who->perform(*done.front().made.run_next);
}

void conductor::end_within(std::shared_ptr<performer> who, std::unique_ptr<storage::unit_of_work> work,
                           event::succeeded what) {
  auto state = durable_state();
  decision made;
  if (state) made = decide(*state, what, present(*who));
  const bool completes = !made.facts.empty() && made.facts.front().kind == fact_kind::step_completed;
  if (!completes) {
    // What else it is decided to be belongs to no transaction of the step's.
    work.reset();
    return on(std::move(who), std::move(what));
  }
  commit end;
  add_to(end, *state, made, who->place().delivery());
  auto outcome = work->commit(end, node_.around().clock->now());
  // What it holds, the next step may want.
  work.reset();
  if (outcome && outcome->applied) {
    node_.note_written(end);
    {
      const std::lock_guard lock(mutex_);
      outdated_ = definition_->has_dependencies();
      if (!outdated_) state_ = *std::move(state);
    }
    if (!made.run_next || !outcome->lost.empty()) return;
    std::vector<task> tasks;
    tasks.emplace_back([who = std::move(who), next = *made.run_next] { who->perform(next); });
    return node_.around().tasks->post(std::move(tasks));
  }
  // Rolled back, or in doubt. Whatever is said now about the attempt takes the same place in the journal as its success
  // would have: if that was written after all, this is refused, and the run goes on from there.
  const bool may_go_better =
      outcome || outcome.error().code == errc::unavailable || outcome.error().code == errc::in_doubt;
  if (may_go_better) return on(std::move(who), event::interrupted{what.of});
  on(std::move(who), event::failed{.of = what.of, .reason = std::move(outcome).error()});
}

/// The state as it is in the database. Where other branches go on, a commit of theirs may be on its way, and wait for
/// the very transaction in which this is asked: then it is read.
result<run_state> conductor::durable_state() const {
  if (!definition_->has_dependencies()) {
    const std::lock_guard lock(mutex_);
    return state_;
  }
  auto state = read_state();
  if (state && state->definition->fingerprint() != definition_->fingerprint()) {
    return std::unexpected(error{.code = errc::conflict, .message = "the run goes on by another definition"});
  }
  return state;
}

conductor::attempt_plan conductor::plan_attempt(next_attempt what, time_point now) const {
  const std::lock_guard lock(mutex_);
  const step_progress& progress = state_.steps[what.step];
  if (what.element && progress.elements) {
    return {.of = {.step = what.step,
                   .number = progress.elements->at(*what.element).attempts + 1,
                   .started_at = now,
                   .element = what.element},
            .visit = progress.visits,
            .input = progress.elements->input_of(*what.element),
            .awaited = std::nullopt};
  }
  return {.of = {.step = what.step, .number = progress.attempts + 1, .started_at = now},
          .visit = progress.visits,
          .input = input_of(state_, what.step),
          .awaited = progress.opened ? progress.child : std::nullopt};
}

telemetry_event conductor::about(telemetry_kind kind, const attempt_plan& plan) const {
  return {.kind = kind,
          .at = plan.of.started_at,
          .run = run_,
          .workflow = definition_->name(),
          .trigger = label_->trigger,
          .traceparent = label_->traceparent,
          .step = definition_->steps()[plan.of.step].name,
          .visit = plan.visit,
          .attempt = plan.of.number,
          .element = plan.of.element,
          .node = node_.identity().name};
}

parent_link conductor::link_from(const attempt_plan& plan, std::string key, bool waits) const {
  parent_link link{.run = run_,
                   .step = definition_->steps()[plan.of.step].name,
                   .key = std::move(key),
                   .traceparent = traceparent_of(about(telemetry_kind::step_started, plan))};
  const std::lock_guard lock(mutex_);
  link.depth = (state_.parent ? state_.parent->depth : 0) + 1;
  if (!waits) return link;
  job_insert job = branch_job(state_, state_.steps[plan.of.step].branch);
  link.waiting = std::move(job.drives);
  link.queue = std::move(job.queue);
  link.priority = job.priority;
  return link;
}

}  // namespace squid_mesh::inline v1
