// A run, its jobs, its workers, and the people who give it commands. Decisions are made on what was, and written later
// or not at all.
#pragma once

#include "progress/invariants.h"
#include "progress/job_table.h"
#include "progress/random_workflow.h"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::testing {

class world {
 public:
  world() : run_(random_workflow()), jobs_(begun(run_)) {}

  void one_event() {
    run_.chance = any(0, 100) / 100.0;
    run_.draining = one_in(10);
    switch (any(0, 12)) {
      case 0:
        run_.now += std::chrono::milliseconds(any(0, 8000));
        break;
      case 1:
        tell_again();
        break;
      case 2:
      case 3:
        give(random_command());
        break;
      case 4:
        if (!commands_.empty()) write_command(take(commands_));
        break;
      case 5:
        trouble();
        break;
      case 6:
      case 7:
      case 8:
        fetch_something();
        break;
      default:
        if (!workers_.empty()) work(take(workers_));
        break;
    }
  }

  /// Without further trouble, every run ends, once people have decided what waits for them.
  void come_to_an_end() {
    run_.draining = false;
    while (!commands_.empty()) write_command(take(commands_));
    for (int i = 0; i < 300 && !(run_.state.ended && workers_.empty()); ++i) {
      if (!workers_.empty()) {
        work(take(workers_), true);
      } else if (!jobs_.due(run_.now).empty()) {
        fetch(jobs_.due(run_.now).front());
      } else if (!resolve_something()) {
        RC_ASSERT(jobs_.next_due().has_value());
        run_.now = std::max(run_.now, *jobs_.next_due());
      }
    }
    RC_ASSERT(run_.state.ended.has_value());
    RC_ASSERT(run_.history.run.status == *run_.state.ended);
    for (const auto& [step, number] : begun_attempts_) RC_ASSERT(number <= run_.state.steps[step].attempts);
  }

 private:
  /// What somebody has decided and not written yet.
  template <class Event>
  struct plan {
    Event what;
    decision made;
    run_state after;
  };

  struct worker {
    held_job holds;
    std::optional<event::attempt> attempt{};
    std::optional<plan<worker_event>> planned{};
  };

  static const run_state& begun(driven_run& run) {
    run.state.queue = "q0";
    return run.state;
  }

  template <class T>
  static T take(std::vector<T>& from) {
    const auto at = from.begin() + any(0, int(from.size()));
    T taken = std::move(*at);
    from.erase(at);
    return taken;
  }

  // -- Deciding and writing

  template <class Event>
  plan<Event> decide_now(const Event& what) {
    plan<Event> made{.what = what, .made = {}, .after = run_.state};
    made.made = decide(made.after, what, run_.present());
    run_state again = run_.state;
    RC_ASSERT(same(decide(again, what, run_.present()), made.made));
    RC_ASSERT(same(again, made.after));
    invariant::a_decision_makes_sense(made.made);
    if (made.made.facts.empty()) RC_ASSERT(same(made.after, run_.state));
    return made;
  }

  template <class Event>
  [[nodiscard]] bool is_fenced_off(const plan<Event>& late) const {
    return !late.made.facts.empty() && late.made.facts.front().seq != run_.state.last_seq + 1;
  }

  template <class Event>
  void write(plan<Event>& made) {
    for (const std::string& text : facts_of(made.made)) RC_LOG() << text << '\n';
    invariant::the_life_of_a_run_is_kept(run_.state, made.made);
    invariant::nothing_begins_in_a_run_that_ends(run_.state, made.after, made.made);
    invariant::late_results_are_not_applied(run_.state, made.after, made.made);
    invariant::nothing_is_over_before_its_time(run_.state, made.made);
    if (!made.made.facts.empty()) run_.state = std::move(made.after);
    run_.history.facts.insert(run_.history.facts.end(), made.made.facts.begin(), made.made.facts.end());
    if (made.made.status) run_.history.run.status = made.made.status->status;
    invariant::hold(run_);
  }

  /// A branch that isn't at its end has a job, or waits for somebody and for no time to pass.
  void check_next_causes() const {
    for (std::size_t branch = 0; branch < run_.state.branches.size(); ++branch) {
      const auto step = run_.state.at(branch);
      if (!step) continue;
      const step_progress& progress = run_.state.steps[*step];
      const job_in_table* job = jobs_.of(branch);
      RC_ASSERT(job != nullptr || (progress.opened && !progress.until));
      if (job != nullptr && job->is == job_table::state::scheduled && progress.until && !progress.parked)
        RC_ASSERT(job->at <= *progress.until);
    }
  }

  void check_projection() const {
    if (!run_.state.definition->has_dependencies() && jobs_.anybody_executes()) return;
    if (!was_rescued_silently_) RC_ASSERT(run_.history.run.status == run_.state.status());
  }

  // -- Workers

  void fetch_something() {
    const auto due = jobs_.due(run_.now);
    if (!due.empty()) fetch(due[static_cast<std::size_t>(any(0, int(due.size())))]);
  }

  void fetch(std::size_t job) {
    worker who{.holds = jobs_.fetch(job)};
    run_.queue = jobs_[job].queue;
    who.planned = decide_now(
        worker_event(event::delivered{.branch = jobs_[job].branch, .attempt = jobs_[job].attempt, .since = run_.now}));
    write_now_or_later(std::move(who));
  }

  /// A worker writes what it has decided, or its attempt ends.
  void work(worker who, bool well = false) {
    if (who.planned) return write_work(std::move(who));
    const worker_event end = well ? event::succeeded{*who.attempt, json::object()} : random_result(*who.attempt);
    if (!plan_work(who, end)) return forget_attempt(who);
    if (std::holds_alternative<event::no_handler>(end)) {
      forget_attempt(who);
      who.attempt.reset();
    }
    write_now_or_later(std::move(who));
  }

  /// What doesn't write anything is done at once.
  void write_now_or_later(worker who) {
    const decision& made = who.planned->made;
    const bool writes = !made.facts.empty() || ends_delivery(made.job.is);
    writes&& one_in(3) ? workers_.push_back(std::move(who)) : write_work(std::move(who));
  }

  /// False: the event comes too late, and the job isn't the worker's any more.
  bool plan_work(worker& who, const worker_event& what) {
    run_.queue = jobs_[who.holds.job].queue;
    who.planned = decide_now(what);
    if (!who.planned->made.stale) return true;
    if (!jobs_.is_held(who.holds)) return false;
    who.planned = decide_now(worker_event(event::delivered{.branch = jobs_[who.holds.job].branch}));
    RC_ASSERT(!who.planned->made.stale);
    return true;
  }

  void write_work(worker who) {
    const bool held = jobs_.is_held(who.holds);
    const bool refused = who.planned->made.facts.empty() ? !held : is_fenced_off(*who.planned);
    if (refused && !held) return forget_attempt(who);
    if (refused) RC_ASSERT(plan_work(who, worker_event(who.planned->what)));
    apply_work(who);
    const auto next = std::exchange(who.planned, std::nullopt)->made.run_next;
    if (!held) return forget_attempt(who);
    RC_ASSERT(next.has_value() == jobs_.is_held(who.holds));
    if (!next) return;
    const std::size_t step = next->step;
    RC_ASSERT(run_.state.at(jobs_[who.holds.job].branch) == step);
    who.attempt = event::attempt{.step = step, .number = run_.state.steps[step].attempts + 1, .started_at = run_.now};
    RC_ASSERT(begun_attempts_.insert({step, who.attempt->number}).second);
    workers_.push_back(std::move(who));
  }

  void apply_work(worker& who) {
    RC_ASSERT(!who.planned->made.refusal && who.planned->made.woken.empty());
    write(*who.planned);
    jobs_.apply(run_.state, who.planned->made, who.holds, run_.now);
    check_next_causes();
    check_projection();
  }

  /// It has not begun after all, or nobody can tell what becomes of it.
  void forget_attempt(const worker& who) {
    if (who.attempt) begun_attempts_.erase({who.attempt->step, who.attempt->number});
  }

  static worker_event random_result(const event::attempt& of) {
    switch (any(0, 9)) {
      case 0:
        return event::failed{of, permanent("no")};
      case 1:
      case 2:
        return event::failed{
            of, retryable("flaked", one_in(3) ? std::optional(std::chrono::milliseconds(500)) : std::nullopt)};
      case 3:
        return event::interrupted{of};
      case 4:
        return event::no_handler{of};
      case 5:
        return event::succeeded{of, 1};
      default:
        return event::succeeded{of, {{"n", any(0, 4)}}};
    }
  }

  /// A result that was told already, or of an attempt that never was.
  void tell_again() {
    const auto step = static_cast<std::size_t>(any(0, 9));
    const int attempts = step < run_.state.steps.size() ? run_.state.steps[step].attempts : 0;
    const int number = one_in(3) ? attempts + any(2, 4) : any(0, attempts + 1);
    const auto result = random_result({.step = step, .number = number, .started_at = run_.now});
    RC_ASSERT(run_.consider(result).stale);
  }

  // -- Trouble

  void trouble() {
    const auto executing = jobs_.executing();
    if (executing.empty() || one_in(3)) return lose_a_job();
    const std::size_t job = executing[static_cast<std::size_t>(any(0, int(executing.size())))];
    one_in(3) ? rescue_silently(job) : lose_the_worker(job);
  }

  /// Where steps have queues of their own, it would leave a branch with two jobs.
  void rescue_silently(std::size_t job) {
    for (const auto& step : run_.state.definition->steps()) {
      if (!step.queue.empty()) return;
    }
    was_rescued_silently_ = true;
    jobs_.rescue_silently(job);
  }

  void lose_a_job() {
    const auto due = jobs_.due(run_.now);
    if (!due.empty()) jobs_.replace(run_.state, due.front());
  }

  /// It is taken for dead. If it isn't, what it decided before comes too late.
  void lose_the_worker(std::size_t job) {
    const auto found = std::ranges::find_if(
        workers_, [&](const worker& who) { return who.holds.job == job && jobs_.is_held(who.holds); });
    RC_ASSERT(found != workers_.end());
    worker lost = std::move(*found);
    workers_.erase(found);
    worker rescuer{.holds = lost.holds};
    plan_work(rescuer, event::worker_died{.branch = jobs_[job].branch, .node = "dead", .since = run_.now});
    rescuer.planned->made.run_next.reset();
    apply_work(rescuer);
    RC_ASSERT(!jobs_.is_held(lost.holds));
    const bool is_recorded = !rescuer.planned->made.facts.empty();
    if (!is_recorded) forget_attempt(lost);
    if (lost.planned && is_recorded && !lost.planned->made.facts.empty()) RC_ASSERT(is_fenced_off(*lost.planned));
  }

  // -- People

  static event::command random_person() {
    return {.actor = std::string(1, static_cast<char>('a' + any(0, 5))),
            .key = one_in(2) ? "k" + std::to_string(any(0, 6)) : ""};
  }

  static event::compensation_resolved::how random_resolution() {
    using how = event::compensation_resolved::how;
    if (one_in(3)) return how::retried;
    return one_in(2) ? how::skipped : how::done;
  }

  static command_event random_command() {
    const std::string step = one_in(2) ? "" : step_name(any(0, 7));
    if (one_in(8)) return event::compensation_resolved{.by = random_person(), .as = random_resolution()};
    switch (any(0, 12)) {
      case 0:
        return event::cancelled{.by = random_person(), .idle = {}};
      case 1:
        return event::deadline_reached{};
      case 2:
      case 3:
        return event::retried{.by = random_person(), .inputs = nullptr};
      case 4:
      case 5:
        return event::unblocked{.by = random_person(), .step = step};
      case 6:
      case 7:
      case 8:
        return event::approved{.by = random_person(), .step = step};
      case 9:
        return event::rejected{.by = random_person(), .step = step};
      default:
        return event::signalled{.by = random_person(), .name = one_in(2) ? "x" : "y", .data = any(0, 9)};
    }
  }

  void give(const command_event& what) {
    // Whether an attempt is still in flight that an ending has stopped, only its worker knows.
    if (std::holds_alternative<event::retried>(what) && !(workers_.empty() && jobs_.all_have_ended())) return;
    auto made = plan_command(what);
    one_in(3) && !std::holds_alternative<event::retried>(what) ? commands_.push_back(std::move(made))
                                                               : write_command(std::move(made));
  }

  plan<command_event> plan_command(command_event what) {
    if (auto* cancel = std::get_if<event::cancelled>(&what)) cancel->idle = jobs_.idle();
    if (auto* deadline = std::get_if<event::deadline_reached>(&what)) deadline->idle = jobs_.idle();
    auto made = decide_now(what);
    RC_ASSERT(made.made.repeated == is_given_again(what));
    RC_ASSERT(!made.made.run_next && !made.made.stale && made.made.job == job_change{});
    return made;
  }

  [[nodiscard]] bool is_given_again(const command_event& what) const {
    return std::visit(
        [&](const auto& command) {
          if constexpr (requires { command.by; }) return run_.state.command_keys.contains(command.by.key);
          return false;
        },
        what);
  }

  void write_command(plan<command_event> made) {
    if (is_fenced_off(made)) made = plan_command(made.what);
    if (made.made.facts.empty()) return;
    write(made);
    jobs_.apply(run_.state, made.made, std::nullopt, run_.now);
    check_next_causes();
    check_projection();
  }

  /// Somebody decides at an open gate, or brings an event.
  bool resolve_something() {
    for (std::size_t i = 0; i < run_.state.steps.size(); ++i) {
      if (!run_.state.is_active(i) || !run_.state.steps[i].opened || run_.state.steps[i].until) continue;
      const definition::step& step = run_.state.definition->steps()[i];
      const event::command by{.actor = "person " + std::to_string(run_.history.facts.size())};
      if (run_.state.is_compensation(i))
        return resolve(event::compensation_resolved{.by = by, .as = random_resolution()});
      if (step.kind == step_kind::pause) return resolve(event::unblocked{.by = by, .step = step.name});
      if (step.kind == step_kind::approval) return resolve(event::approved{.by = by, .step = step.name});
      return resolve(event::signalled{.by = by, .name = step.event, .data = nullptr});
    }
    return false;
  }

  bool resolve(const command_event& what) {
    auto made = plan_command(what);
    RC_ASSERT(!made.made.refusal && !made.made.facts.empty());
    write_command(std::move(made));
    return true;
  }

  driven_run run_;
  job_table jobs_;
  std::vector<worker> workers_;
  std::vector<plan<command_event>> commands_;
  std::set<std::pair<std::size_t, int>> begun_attempts_;  ///< step and number, of those whose end has to be told
  bool was_rescued_silently_ = false;
};

}  // namespace squid_mesh::testing
