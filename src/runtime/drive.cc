#include "runtime/drive.h"

#include "runtime/step_runner.h"

#include <string>
#include <utility>
#include <vector>

namespace squid_mesh {

namespace {

/// How long a run waits whose facts the database can't store.
constexpr std::chrono::minutes refused_pause{5};

}  // namespace

drive::drive(workflows& known, jobs::node& node, std::shared_ptr<jobs::slot> place, run_state state, redactor secrets)
    : known_(known), node_(node), place_(std::move(place)), secrets_(std::move(secrets)), state_(std::move(state)) {}

void drive::begin(const event::delivered& what) { on(what); }

moment drive::present() const {
  return {.now = node_.around().clock->now(),
          .node = node_.identity().name,
          .chance = node_.around().random->next_fraction(),
          .draining = node_.draining()};
}

void drive::log(level severity, const std::string& message) const {
  node_.around().log(severity, "run " + to_string(state_.id) + ": " + message);
}

void drive::on(run_event what) {
  event_ = std::move(what);
  decision made = decide(state_, *event_, present());
  if (made.stale) {
    // The journal has moved on without us, but the job is still ours: go on from where the run is.
    event_ = event::delivered{};
    made = decide(state_, *event_, present());
  }
  write(std::move(made));
}

void drive::write(decision made) {
  made_ = std::move(made);
  if (made_.facts.empty() && !made_.status && !ends_delivery(made_.job.is)) return go_on({.applied = true});
  std::vector<commit> commits;
  commits.push_back(commit_of(made_));
  node_.submit(std::move(commits), jobs::patience::persist,
               [self = shared_from_this()](auto outcome) { self->post_written(std::move(outcome)); });
}

/// Goes on in a task of its own: turns are short, and a run may have any number of steps.
void drive::post_written(result<std::vector<commit_outcome>> outcome) {
  std::vector<task> tasks;
  tasks.emplace_back(
      [self = shared_from_this(), outcome = std::move(outcome)]() mutable { self->on_written(std::move(outcome)); });
  node_.around().tasks->post(std::move(tasks));
}

commit drive::commit_of(const decision& made) const {
  return {.run = state_.id, .facts = made.facts, .status = made.status, .job = place_->delivery(), .change = made.job};
}

void drive::on_written(result<std::vector<commit_outcome>> outcome) {
  if (outcome) return go_on(outcome->front());
  log(level::error, "a commit was given up: " + to_string(outcome.error()));
  if (outcome.error().code == errc::invalid_argument) refused(std::move(outcome).error());
}

/// The database can't store what came of the step: that is the step's failure. If it can't store that either, the run
/// waits for somebody to see to it.
void drive::refused(error reason) {
  const auto* output = event_ ? std::get_if<event::succeeded>(&*event_) : nullptr;
  if (output != nullptr) {
    reason.code = errc::storage;
    return on(event::failed{.of = output->of, .reason = std::move(reason)});
  }
  made_ = {};
  made_.job = {.is = job_change::kind::snooze, .at = node_.around().clock->now() + refused_pause};
  event_.reset();
  write(std::move(made_));
}

void drive::go_on(const commit_outcome& outcome) {
  if (!outcome.applied) return catch_up();
  for (const fact& next : made_.facts) {
    if (auto applied = apply(state_, next); !applied) return log(level::error, to_string(applied.error()));
  }
  if (made_.status) state_.stored_status = made_.status->status;
  if (!made_.run_next) return;
  if (outcome.job_lost) return log(level::warning, "its job was taken away; whoever has it goes on");
  if (node_.draining()) return give_back();
  run(*made_.run_next);
}

void drive::run(std::size_t step) {
  if (state_.definition->steps()[step].transactional) return run_transactional(step);
  on(run_step(state_, step, {.workflows = &known_, .node = &node_, .place = place_.get(), .secrets = &secrets_}));
}

/// The step's writes and its end are one transaction. Only its success is written there: what else becomes of it is
/// written as usual, after its own writes have been rolled back.
void drive::run_transactional(std::size_t step) {
  auto work = node_.store().begin();
  if (!work) {
    log(level::warning, "a step's transaction can't begin: " + to_string(work.error()));
    return on(event::interrupted{next_attempt(state_, step, node_.around().clock->now())});
  }
  run_event what = run_step(state_, step,
                            {.workflows = &known_,
                             .node = &node_,
                             .place = place_.get(),
                             .secrets = &secrets_,
                             .within = &(*work)->hosts_side()});
  if (const auto* success = std::get_if<event::succeeded>(&what)) {
    decision made = decide(state_, what, present());
    // A success that can't be stored is decided to be a failure: that belongs to no transaction of the step's.
    const bool completes = !made.stale && made.facts.front().kind == fact_kind::step_completed;
    if (completes) return end_within(*std::move(work), *success, std::move(made));
  }
  work->reset();
  on(std::move(what));
}

void drive::end_within(std::unique_ptr<storage::unit_of_work> work, const event::succeeded& what, decision made) {
  const commit end = commit_of(made);
  auto outcome = work->commit(end, node_.around().clock->now());
  // What it holds, the next step may want.
  work.reset();
  if (outcome && outcome->applied) {
    node_.note_written(end);
    event_ = what;
    made_ = std::move(made);
    std::vector<commit_outcome> outcomes;
    outcomes.push_back(*std::move(outcome));
    return post_written(std::move(outcomes));
  }
  // Rolled back, or in doubt. Whatever is said now about the attempt takes the same place in the journal as its success
  // would have: if that was written after all, this is refused, and the run goes on from there.
  const bool may_go_better =
      outcome || outcome.error().code == errc::unavailable || outcome.error().code == errc::in_doubt;
  if (may_go_better) return on(event::interrupted{what.of});
  on(event::failed{.of = what.of, .reason = std::move(outcome).error()});
}

void drive::give_back() {
  made_ = {};
  made_.job.is = job_change::kind::give_back;
  write(std::move(made_));
}

/// Somebody else has changed the run. If its job is still ours, the event is decided again on what they made of it.
void drive::catch_up() {
  storage::store& store = node_.store();
  const auto job = store.read_job(place_->delivery().job);
  const bool ours = job && job->state == jobs::state::executing && job->attempt == place_->delivery().attempt &&
                    job->holder == place_->delivery().holder;
  if (!ours || !event_) return log(level::warning, "another worker has taken it over; what was done here is dropped");
  auto history = store.read_run(state_.id);
  if (!history) return log(level::error, to_string(history.error()));
  auto state = fold(state_.definition, *history);
  if (!state) return log(level::error, to_string(state.error()));
  state_ = *std::move(state);
  run_event again = *std::move(event_);
  on(std::move(again));
}

}  // namespace squid_mesh
