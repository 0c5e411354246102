#include "progress/decide.h"

#include "model/run_job.h"
#include "progress/decider.h"
#include "progress/policy.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// How long until a run is looked at again for whose end a step waits. It wakes the step when it ends; but if that
/// happens at the very moment of looking, it finds the step awake.
constexpr std::chrono::seconds looking_time{30};

/// What it means for a step of this kind that its time is over.
fact_kind end_of_waiting(step_kind kind) {
  if (kind == step_kind::wait) return fact_kind::step_completed;
  return kind == step_kind::await_event ? fact_kind::event_timed_out : fact_kind::gate_expired;
}

/// Decides for a worker: appends facts and follows the graph for as long as no action has to run.
class branch_decider : public worker_decider {
 public:
  using worker_decider::worker_decider;

  decision operator()(const event::delivered& what) {
    const auto step = state_.at(what.branch);
    if (state_.ended || !step) return let_go(what.branch);
    if (what.attempt > 1 && take_over(*step, "unknown", what.since)) return finish(true);
    if (progress_of(*step).opened) {
      wait_on(what.branch, *step);
    } else {
      // Somebody wants the retry now. Whoever ends the run has to know that the attempt may be in flight.
      const bool is_early = progress_of(*step).status == step_status::retrying && when_.now < progress_of(*step).until;
      if (is_early && !state_.winds_down()) record(fact_kind::woken_early, step, "");
      go_on(what.branch);
    }
    return finish(true);
  }

  decision operator()(const event::succeeded& what) {
    if (is_unwanted(what.of)) return discard(what.of, "output", what.output);
    if (!expects(what.of)) return stale();
    auto output = encode_output(*state_.definition, what.of.step, what.output);
    if (!output) return (*this)(event::failed{.of = what.of, .reason = std::move(output).error()});
    record(fact_kind::step_completed, what.of.step, *std::move(output), what.of.started_at);
    go_on(progress_of(what.of.step).branch);
    return finish(true);
  }

  decision operator()(const event::failed& what) {
    if (is_unwanted(what.of)) return discard(what.of, "error", to_json(what.reason));
    if (!expects(what.of)) return stale();
    const auto delay = state_.winds_down() ? std::nullopt
                                           : delay_after_failure(declared(what.of.step).retry, what.reason,
                                                                 progress_of(what.of.step).counted + 1, when_.chance);
    end_badly(what.of.step, fact_kind::step_failed, what.reason, delay, what.of.started_at, when_.node);
    return finish(true);
  }

  decision operator()(const event::interrupted& what) {
    if (is_unwanted(what.of)) return discard(what.of, "", {});
    if (!expects(what.of)) return stale();
    record(fact_kind::attempt_interrupted, what.of.step, "", what.of.started_at);
    made_.job.is = job_change::kind::give_back;
    return finish(true);
  }

  decision operator()(const event::child_planned& what) {
    if (is_unwanted(what.of)) return discard(what.of, "", {});
    if (!expects(what.of)) return stale();
    const run_record& child = *what.start.start;
    record(fact_kind::child_started, what.of.step,
           json{{"run", to_string(child.id)}, {"workflow", child.workflow}}.dump());
    made_.begins = what.start;
    sleep(what.of.step);
    return finish(true);
  }

  decision operator()(const event::child_ended& what) {
    if (!awaits(what.step, what.child)) return stale();
    const time_point since = progress_of(what.step).due_since;
    auto output = what.outcome ? encode_output(*state_.definition, what.step, *what.outcome)
                               : std::unexpected(what.outcome.error());
    if (!output) {
      const auto delay = state_.winds_down() ? std::nullopt
                                             : delay_after_failure(declared(what.step).retry, output.error(),
                                                                   progress_of(what.step).counted + 1, when_.chance);
      end_badly(what.step, fact_kind::step_failed, output.error(), delay, since, when_.node);
      return finish(true);
    }
    record(fact_kind::step_completed, what.step, *std::move(output), since);
    go_on(progress_of(what.step).branch);
    return finish(true);
  }

  decision operator()(const event::child_goes_on& what) {
    if (!awaits(what.step, what.child)) return stale();
    made_.job = {.is = job_change::kind::snooze, .at = when_.now + looking_time};
    return std::move(made_);
  }

  decision operator()(const event::no_handler& what) {
    if (!expects(what.of)) return stale();
    if (state_.winds_down()) {
      go_on(progress_of(what.of.step).branch);
      return finish(true);
    }
    if (!progress_of(what.of.step).parked) record(fact_kind::step_parked, what.of.step, "");
    made_.job = {.is = job_change::kind::snooze, .at = when_.now + parking_time};
    return finish(true);
  }

  decision operator()(const event::worker_died& what) {
    const auto step = state_.at(what.branch);
    if (state_.ended || !step) return let_go(what.branch);
    take_over(*step, what.node, what.since);
    made_.run_next.reset();  // Whoever fetches the job goes on, not the one who noticed.
    if (made_.job.is == job_change::kind::keep) made_.job.is = job_change::kind::give_back;
    return finish(true);
  }

 private:
  /// Whether the journal knows nothing of the attempt yet.
  [[nodiscard]] bool is_news(const event::attempt& of) const {
    return of.step < state_.steps.size() && of.number == progress_of(of.step).attempts + 1;
  }

  /// Whether an attempt's result can be meant for the present state.
  [[nodiscard]] bool expects(const event::attempt& of) const {
    return is_news(of) && !state_.ended && state_.is_active(of.step) && needs_worker(declared(of.step).kind) &&
           !progress_of(of.step).opened;
  }

  [[nodiscard]] bool awaits(std::size_t step, const run_id& child) const {
    return !state_.ended && state_.is_active(step) && progress_of(step).opened && progress_of(step).child == child;
  }

  /// Whether it is the result of an attempt that doesn't count any more: the ending of the run has overtaken it.
  [[nodiscard]] bool is_unwanted(const event::attempt& of) const {
    if (!is_news(of) || !state_.ending) return false;
    return state_.is_active(of.step) ? state_.discards_results : progress_of(of.step).status == step_status::cancelled;
  }

  /// Recorded, not applied.
  decision discard(const event::attempt& of, std::string_view key, const json& what) {
    const std::string data =
        key.empty() ? std::string() : json{{key, what}}.dump(-1, ' ', false, json::error_handler_t::replace);
    const std::size_t branch = progress_of(of.step).branch;
    const bool was_active = state_.is_active(of.step);
    record(fact_kind::attempt_discarded, of.step, data, of.started_at);
    if (was_active) {
      go_on(branch);
    } else if (state_.at(branch)) {
      // The ending had stopped it before, and the branch goes on with what makes good what was done: by this very job.
      made_.job.is = job_change::kind::give_back;
    } else {
      end_branch(branch);
    }
    return finish(true);
  }

  /// What the holder of a branch's job does next.
  void go_on(std::size_t branch) {
    const auto step = state_.at(branch);
    if (state_.ended || !step) {
      end_branch(branch);
    } else if (state_.winds_down()) {
      record(fact_kind::step_skipped, step, "");
      go_on(branch);
    } else if (progress_of(*step).opened) {
      sleep(*step);
    } else if (needs_worker(declared(*step).kind)) {
      run(branch, {.step = *step});
    } else {
      open(branch, *step);
    }
  }

  /// A step that lets time pass or waits for somebody begins. An event may be there already.
  void open(std::size_t branch, std::size_t step) {
    const definition::step& what = declared(step);
    if (what.kind == step_kind::await_event && state_.events.contains(what.event)) {
      record(fact_kind::event_taken, step, "");
      return go_on(branch);
    }
    if (what.kind == step_kind::for_each) return begin_elements(branch, step);
    json data = json::object();
    const milliseconds limit = what.kind == step_kind::wait ? what.wait_duration : what.expires_in;
    if (limit > milliseconds(0)) data["until"] = to_number(when_.now + limit);
    fact_kind kind = fact_kind::wait_started;
    if (what.kind == step_kind::await_event) {
      kind = fact_kind::event_awaited;
      data["name"] = what.event;
    } else if (is_gate(what.kind)) {
      kind = fact_kind::gate_opened;
      data["quorum"] = what.quorum;
      data["on_expiry"] = to_string(what.on_expiry);
    }
    record(kind, step, data.dump());
    sleep(step);
  }

  /// Its lanes begin, each with a job of its own.
  void begin_elements(std::size_t branch, std::size_t step) {
    const auto list = list_input_of(state_, step);
    if (!list) {
      record(fact_kind::step_failed, step, text_of({{"error", to_json(list.error())}}));
    } else {
      record(fact_kind::elements_begun, step, json{{"count", list->items.size()}}.dump());
    }
    // A list may be empty, or all done.
    progress_of(step).opened ? end_branch(branch) : go_on(branch);
  }

  /// The job comes back when the step's time is over; without an end to it, there is none.
  void sleep(std::size_t step) {
    if (const auto until = progress_of(step).until) {
      made_.job = {.is = job_change::kind::snooze, .at = *until};
    } else {
      end_branch(progress_of(step).branch);
    }
  }

  /// A job came for a step that waits: because its time is over, or too early.
  void wait_on(std::size_t branch, std::size_t step) {
    // Whether that run has ended is to be looked at.
    if (declared(step).kind == step_kind::child) return run(branch, {.step = step});
    const auto until = progress_of(step).until;
    if (!until || when_.now < *until) {
      // A fact, so that whoever changes the run at this moment knows: it may be waking this very job.
      if (made_.facts.empty()) record(fact_kind::woken_early, step, "");
      return sleep(step);
    }
    record(end_of_waiting(declared(step).kind), step, "");
    go_on(branch);
  }

  /// Taking a run over appends, always: that fences its earlier worker off, should it wake up. Says whether the attempt
  /// in flight is lost, and what follows from that is decided.
  bool take_over(std::size_t step, const std::string& node, time_point since) {
    if (!needs_worker(declared(step).kind) || progress_of(step).opened) {
      record(fact_kind::worker_lost, step, "", std::nullopt, node);
      return false;
    }
    const bool again =
        !state_.winds_down() && runs_again_after_loss(declared(step).retry, progress_of(step).counted + 1);
    // The attempt began when its predecessor was durable, if its worker had the job already.
    end_badly(step, fact_kind::attempt_lost, lost_attempt(), again ? std::optional(microseconds(0)) : std::nullopt,
              std::max(since, progress_of(step).due_since), node);
    return true;
  }

  /// A failed or lost attempt: again after `delay`, along the error transition, or the end of the run.
  void end_badly(std::size_t step, fact_kind kind, const error& reason, std::optional<microseconds> delay,
                 time_point started_at, const std::string& node) {
    json data = {{"error", to_json(reason)}};
    if (delay) data["retry_at"] = to_number(when_.now + *delay);
    record(kind, step, text_of(data), started_at, node);
    if (delay && *delay > microseconds(0)) {
      made_.job = {.is = job_change::kind::snooze, .at = when_.now + *delay};
    } else {
      go_on(progress_of(step).branch);
    }
  }
};

}  // namespace

decision decide(run_state& state, const worker_event& what, const moment& when) {
  const auto concerns_lane = [&state](const auto& event) {
    if constexpr (requires { event.branch; }) {
      return event.branch >= state.steps.size();
    } else if constexpr (requires { event.of; }) {
      return event.of.element.has_value();
    } else {
      return false;
    }
  };
  decision made = std::visit(concerns_lane, what) ? decide_on_lane(state, what, when)
                                                  : std::visit(branch_decider(state, when), what);
  if (!made.refusal) return made;
  // A rule is broken, and the state with it. Nothing of it may get into the journal.
  decision refused;
  refused.stale = true;
  refused.refusal = std::move(made.refusal);
  return refused;
}

std::vector<std::size_t> first_branches(const definition& workflow) {
  return {workflow.entries().begin(), workflow.entries().end()};
}

driven_branch driven(const run_state& state, std::size_t branch) {
  using role = driven_branch::role;
  if (const auto lane = lane_at(*state.definition, branch)) {
    return {
        .run = state.id, .is = role::one_of_many, .step = lane_name(state.definition->steps()[lane->step], lane->lane)};
  }
  if (!state.definition->has_dependencies()) return {.run = state.id, .is = role::only, .step = {}};
  return {.run = state.id, .is = role::one_of_many, .step = state.definition->steps()[branch].name};
}

std::optional<std::size_t> branch_of(const definition& workflow, const driven_branch& driven) {
  if (driven.is != driven_branch::role::one_of_many) return workflow.entries().front();
  if (const auto step = workflow.find_step(driven.step)) return step;
  const auto lane = find_lane(workflow, driven.step);
  return lane ? std::optional(branch_of_lane(workflow, *lane)) : std::nullopt;
}

job_insert branch_job(const run_state& state, std::size_t branch) {
  const auto step = state.at(branch);
  const std::string& own = step ? state.definition->steps()[*step].queue : std::string();
  return run_job(driven(state, branch), own.empty() ? state.queue : own, state.priority);
}

void reconcile_wakes(commit& whole, std::span<const driven_branch> holders) {
  std::vector<job_insert> needed;
  for (job_insert& wake : whole.wakes) {
    const driven_branch& branch = *wake.drives;
    const auto drives_it = [&](const job_insert& job) { return job.drives == branch; };
    if (whole.retires_jobs && branch.run == whole.run) continue;
    if (std::ranges::any_of(whole.inserts, drives_it) || std::ranges::any_of(needed, drives_it)) continue;
    const auto held = std::ranges::find(holders, branch);
    if (held == holders.end()) {
      needed.push_back(std::move(wake));
      continue;
    }
    job_change& change = whole.jobs[static_cast<std::size_t>(held - holders.begin())].change;
    if (change.is == job_change::kind::snooze) change = {.is = job_change::kind::give_back};
  }
  whole.wakes = std::move(needed);
}

void add_to(commit& whole, const run_state& after, const decision& made, const std::optional<delivery>& job) {
  whole.run = after.id;
  whole.facts.insert(whole.facts.end(), made.facts.begin(), made.facts.end());
  whole.label = after.label;
  if (made.status) whole.status = made.status;
  if (!whole.was) whole.was = made.was;
  if (made.keeps) whole.keeps = made.keeps;
  if (!made.pins.empty()) whole.pins = made.pins;
  whole.retires_jobs = whole.retires_jobs || made.retires_jobs;
  if (job) {
    whole.jobs.push_back({.whose = *job, .change = made.job, .releases = std::nullopt});
    if (made.releases) whole.jobs.back().releases = driven(after, *made.releases);
  }
  for (const std::size_t branch : made.opened) whole.inserts.push_back(branch_job(after, branch));
  for (const std::size_t branch : made.woken) whole.wakes.push_back(branch_job(after, branch));
  if (made.begins) {
    whole.start = made.begins->start;
    whole.inserts.insert(whole.inserts.end(), made.begins->inserts.begin(), made.begins->inserts.end());
  }
  if (made.wakes_parent) {
    whole.wakes.push_back(run_job(*after.parent->waiting, after.parent->queue, after.parent->priority));
  }
  if (made.cancels_children) whole.inserts.push_back(children_job(after.id, after.queue));
}

}  // namespace squid_mesh::inline v1
