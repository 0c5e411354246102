#include "progress/decide.h"

#include "progress/policy.h"

#include <string>
#include <string_view>
#include <utility>

namespace squid_mesh {
namespace {

/// How long a parked run waits before a process is asked again whether it has the handler.
constexpr std::chrono::seconds parking_time{15};

std::int64_t to_number(time_point at) { return at.time_since_epoch().count(); }

/// Builds one decision: appends facts and follows the graph for as long as no action has to run.
class decider {
 public:
  decider(const run_state& state, const moment& when) : state_(state), when_(when) {}

  decision operator()(const event::delivered& what) {
    if (!state_.current) return let_go();
    if (what.attempt > 1) {
      take_over("unknown", what.since);
      if (may_be_in_flight()) return finish();
    }
    if (current_progress().status == step_status::waiting) return end_wait(*current_progress().until);
    enter(*state_.current);
    return finish();
  }

  decision operator()(const event::succeeded& what) {
    if (!expects(what.of)) return stale();
    auto output = encode_output(current_step(), what.output);
    if (!output) return (*this)(event::failed{.of = what.of, .reason = std::move(output).error()});
    append(fact_kind::step_completed, *state_.current, *std::move(output), what.of.started_at);
    follow(*state_.current, on::ok);
    return finish();
  }

  decision operator()(const event::failed& what) {
    if (!expects(what.of)) return stale();
    const auto delay =
        delay_after_failure(current_step().retry, what.reason, current_progress().counted + 1, when_.chance);
    end_badly(fact_kind::step_failed, what.reason, delay, what.of.started_at, when_.node);
    return finish();
  }

  decision operator()(const event::interrupted& what) {
    if (!expects(what.of)) return stale();
    append(fact_kind::attempt_interrupted, *state_.current, "", what.of.started_at);
    made_.job.is = job_change::kind::give_back;
    return finish();
  }

  decision operator()(const event::no_handler& what) {
    if (!expects(what.of)) return stale();
    if (!current_progress().parked) append(fact_kind::step_parked, *state_.current, "");
    made_.job = {.is = job_change::kind::snooze, .at = when_.now + parking_time};
    return finish();
  }

  decision operator()(const event::worker_died& what) {
    if (!state_.current) return let_go();
    take_over(what.node, what.since);
    made_.run_next.reset();  // Whoever fetches the job goes on, not the one who noticed.
    if (made_.job.is == job_change::kind::keep) made_.job.is = job_change::kind::give_back;
    return finish();
  }

 private:
  [[nodiscard]] const definition::step& step_at(std::size_t i) const { return state_.definition->steps()[i]; }
  [[nodiscard]] const definition::step& current_step() const { return step_at(*state_.current); }
  [[nodiscard]] const step_progress& current_progress() const { return state_.steps[*state_.current]; }

  /// Whether a worker that has the run's job may have begun an attempt: not while time has to pass.
  [[nodiscard]] bool may_be_in_flight() const { return current_step().kind != step_kind::wait; }

  /// Whether an attempt's result can be meant for the present state.
  [[nodiscard]] bool expects(const event::attempt& of) const {
    return state_.current == of.step && may_be_in_flight() && of.number == current_progress().attempts + 1;
  }

  void append(fact_kind kind, std::size_t step, std::string data, std::optional<time_point> started_at = {},
              std::string_view node = {}) {
    made_.facts.push_back({.seq = state_.last_seq + 1 + static_cast<std::int64_t>(made_.facts.size()),
                           .kind = kind,
                           .step = step_at(step).name,
                           .at = when_.now,
                           .started_at = started_at,
                           .node = node.empty() ? when_.node : std::string(node),
                           .data = std::move(data)});
  }

  /// A step becomes the current one: waits begin at once, anything else is run by whoever holds the job.
  void enter(std::size_t step) {
    if (step_at(step).kind == step_kind::wait) {
      const time_point until = when_.now + step_at(step).wait_duration;
      append(fact_kind::wait_started, step, json{{"until", to_number(until)}}.dump());
      made_.job = {.is = job_change::kind::snooze, .at = until};
    } else if (when_.draining) {
      made_.job.is = job_change::kind::give_back;
    } else {
      made_.run_next = step;
    }
  }

  void end_run(run_status status) {
    status_ = status;
    made_.job.is = job_change::kind::finish;
  }

  void follow(std::size_t step, on outcome) {
    const auto target = state_.definition->next(step, outcome);
    if (target && target->step) return enter(*target->step);
    end_run(run_status::completed);
  }

  decision end_wait(time_point until) {
    if (when_.now < until) {
      made_.job = {.is = job_change::kind::snooze, .at = until};
      return finish();
    }
    append(fact_kind::step_completed, *state_.current, "");
    follow(*state_.current, on::ok);
    return finish();
  }

  /// Taking a run over appends, always: that fences its earlier worker off, should it wake up.
  void take_over(const std::string& node, time_point since) {
    if (may_be_in_flight()) return lose_attempt(node, since);
    append(fact_kind::worker_lost, *state_.current, "", std::nullopt, node);
  }

  void lose_attempt(const std::string& node, time_point since) {
    const error reason{
        .code = errc::interrupted, .message = "the worker died during the attempt", .kind = "lost", .retryable = true};
    const bool again = runs_again_after_loss(current_step().retry, current_progress().counted + 1);
    // The attempt began when its predecessor was durable, if its worker had the job already.
    end_badly(fact_kind::attempt_lost, reason, again ? std::optional(microseconds(0)) : std::nullopt,
              std::max(since, state_.last_at), node);
  }

  /// A failed or lost attempt: again after `delay`, along the error transition, or the end of the run.
  void end_badly(fact_kind kind, const error& reason, std::optional<microseconds> delay, time_point started_at,
                 const std::string& node) {
    json data = {{"error", to_json(reason)}};
    if (delay) data["retry_at"] = to_number(when_.now + *delay);
    append(kind, *state_.current, data.dump(-1, ' ', false, json::error_handler_t::replace), started_at, node);
    if (delay && *delay > microseconds(0)) {
      status_ = run_status::retrying;
      made_.job = {.is = job_change::kind::snooze, .at = when_.now + *delay};
    } else if (delay) {
      enter(*state_.current);
    } else if (state_.definition->next(*state_.current, on::error)) {
      follow(*state_.current, on::error);
    } else {
      end_run(run_status::failed);
    }
  }

  decision stale() {
    made_.stale = true;
    return std::move(made_);
  }

  /// The run has ended: its job has nothing more to bring.
  decision let_go() {
    made_.job.is = job_change::kind::finish;
    return std::move(made_);
  }

  /// Adds the change of the projection, if there is one.
  decision finish() {
    const bool moved_on = !made_.facts.empty() || made_.run_next;
    const run_status actual = status_.value_or(moved_on ? run_status::running : state_.status);
    const run_status shown = status_to_store(state_.stored_status, actual, !ends_delivery(made_.job.is));
    if (shown != state_.stored_status) {
      made_.status = {.status = shown, .ended_at = is_terminal(shown) ? std::optional(when_.now) : std::nullopt};
    }
    return std::move(made_);
  }

  const run_state& state_;
  const moment& when_;
  decision made_;
  std::optional<run_status> status_;  ///< the run's, after this decision
};

}  // namespace

decision decide(const run_state& state, const run_event& what, const moment& when) {
  return std::visit(decider(state, when), what);
}

}  // namespace squid_mesh
