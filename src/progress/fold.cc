#include "progress/condition.h"
#include "progress/damaged.h"
#include "progress/policy.h"
#include "progress/run_state.h"

#include <string>
#include <utility>

namespace squid_mesh {
namespace {

std::optional<time_point> instant(const json& data, const char* key) {
  const auto found = data.find(key);
  if (found == data.end()) return std::nullopt;
  return time_point(microseconds(found->get<std::int64_t>()));
}

/// Whether such a thing happens to steps of the kind.
bool happens_to(step_kind kind, fact_kind what) {
  switch (what) {
    case fact_kind::step_completed:
      return needs_worker(kind) || kind == step_kind::wait;
    case fact_kind::step_failed:
    case fact_kind::attempt_lost:
    case fact_kind::attempt_interrupted:
    case fact_kind::attempt_discarded:
    case fact_kind::step_parked:
      return needs_worker(kind) || kind == step_kind::for_each;
    case fact_kind::elements_begun:
    case fact_kind::element_completed:
    case fact_kind::lane_ended:
      return kind == step_kind::for_each;
    case fact_kind::child_started:
      return kind == step_kind::child;
    case fact_kind::wait_started:
      return kind == step_kind::wait;
    case fact_kind::gate_opened:
    case fact_kind::gate_expired:
      return is_gate(kind);
    case fact_kind::gate_unblocked:
      return kind == step_kind::pause;
    case fact_kind::gate_voted:
    case fact_kind::gate_approved:
    case fact_kind::gate_rejected:
      return kind == step_kind::approval;
    case fact_kind::event_awaited:
    case fact_kind::event_taken:
    case fact_kind::event_timed_out:
      return kind == step_kind::await_event;
    default:
      return true;
  }
}

/// Moves one state on by one fact.
class folding {
 public:
  folding(run_state& state, const fact& next)
      : state_(state), fact_(next), data_(next.data.empty() ? json() : json::parse(next.data)) {}

  /// False: the fact can't follow.
  bool apply() {
    state_.opened_branches.clear();
    state_.woken_branches.clear();
    const auto step = state_.definition->find_step(fact_.step);
    const bool fits = fact_.step.empty() ? apply_to_run() : step && apply_to_step(*step);
    if (!fits) return false;
    state_.last_seq = fact_.seq;
    state_.last_at = fact_.at;
    note_key();
    if (state_.active == 0 && !state_.ended) come_to_rest();
    return true;
  }

 private:
  bool apply_to_run() {
    switch (fact_.kind) {
      case fact_kind::event_received:
        state_.events[data_.at("name").get<std::string>()].push_back(data_.value("data", json()));
        return !state_.ended;
      case fact_kind::cancel_requested:
        return wind_down(run_status::cancelled);
      case fact_kind::deadline_passed:
        if (!state_.ending) {
          state_.error =
              to_json(error{.code = errc::timeout, .message = "the run's deadline has passed", .kind = "deadline"});
        }
        return wind_down(run_status::failed);
      case fact_kind::retry_requested:
        return retry();
      default:
        return false;
    }
  }

  bool apply_to_step(std::size_t step) {
    step_progress& progress = state_.steps[step];
    state_.has_begun = true;
    if (!happens_to(declared(step).kind, fact_.kind)) return false;
    const bool is_about_element =
        data_.is_object() && data_.contains("index") && declared(step).kind == step_kind::for_each;
    if (fact_.kind == fact_kind::attempt_discarded) {
      return is_about_element ? discard_element(step, data_.at("index").get<std::size_t>()) : discard_attempt(step);
    }
    if (state_.ended || !state_.is_active(step)) return false;
    if (is_about_element) return apply_to_element(step, data_.at("index").get<std::size_t>());
    progress.parked = fact_.kind == fact_kind::step_parked;
    switch (fact_.kind) {
      case fact_kind::step_completed:
        if (needs_worker(declared(step).kind)) ++progress.attempts;
        complete(step, std::move(data_));
        return true;
      case fact_kind::step_failed:
      case fact_kind::attempt_lost:
        end_attempt_badly(step);
        return true;
      case fact_kind::attempt_interrupted:
        ++progress.attempts;
        progress.due_since = fact_.at;
        progress.status = step_status::running;
        progress.until.reset();
        return true;
      case fact_kind::wait_started:
      case fact_kind::event_awaited:
        progress.status = step_status::waiting;
        open(progress);
        return true;
      case fact_kind::gate_opened:
        open(progress);
        return true;
      case fact_kind::woken_early:
        if (progress.status == step_status::retrying) progress.until = fact_.at;
        return true;
      case fact_kind::step_parked:
      case fact_kind::worker_lost:
        return true;
      case fact_kind::gate_voted:
        progress.approvals.push_back(what_was_said());
        return progress.approvals.back().at("actor").is_string();
      case fact_kind::gate_unblocked:
        complete(step, gate_output("unblocked"));
        return true;
      case fact_kind::gate_approved:
        approve(step);
        return true;
      case fact_kind::gate_rejected:
        reject(step, gate_output("rejected"));
        return true;
      case fact_kind::gate_expired:
        expire(step);
        return true;
      case fact_kind::event_taken:
        return take_event(step);
      case fact_kind::event_timed_out:
        fail(step, on::timeout,
             to_json(error{.code = errc::timeout,
                           .message = "the event " + declared(step).event + " did not come in time",
                           .kind = "event"}));
        return true;
      case fact_kind::step_skipped:
        stop(step, step_status::skipped);
        return true;
      case fact_kind::child_started:
        progress.status = step_status::waiting;
        progress.due_since = fact_.at;
        progress.child = run_id::parse(data_.at("run").get<std::string>());
        open(progress);
        return progress.child.has_value();
      case fact_kind::compensation_resolved:
        return resolve_compensation(step);
      case fact_kind::elements_begun:
        return begin_elements(step);
      case fact_kind::lane_ended:
        return end_lane(step, data_.at("lane").get<std::size_t>());
      default:
        return false;
    }
  }

  [[nodiscard]] const definition::step& declared(std::size_t step) const { return state_.definition->steps()[step]; }

  void note_key() {
    if (!data_.is_object() || fact_.kind == fact_kind::step_completed) return;
    if (const auto key = data_.find("key"); key != data_.end() && key->is_string()) state_.command_keys.insert(*key);
  }

  // -- Coming and going

  void enter(std::size_t step, std::size_t branch) {
    step_progress& progress = state_.steps[step];
    progress.status = step_status::running;
    progress.branch = branch;
    progress.counted = 0;
    progress.due_since = fact_.at;
    progress.approvals.clear();
    progress.error.reset();
    state_.branches[branch] = step;
    ++state_.active;
    // A branch that bears the step's name begins with it.
    if (branch == step && state_.definition->has_dependencies()) state_.opened_branches.push_back(branch);
  }

  void visit(std::size_t step, std::size_t branch) {
    ++state_.steps[step].visits;
    state_.steps[step].elements.reset();
    state_.steps[step].edited_input.reset();
    enter(step, branch);
  }

  void leave(std::size_t step, step_status status) {
    step_progress& progress = state_.steps[step];
    progress.status = status;
    progress.until.reset();
    progress.opened = false;
    state_.branches[progress.branch].reset();
    --state_.active;
    last_branch_ = progress.branch;
  }

  /// The ending keeps the step from going on.
  void stop(std::size_t step, step_status status) {
    leave(step, status);
    state_.stopped_at.push_back(step);
  }

  void open(step_progress& progress) {
    progress.opened = true;
    progress.until = instant(data_, "until");
  }

  // -- Where it goes

  /// What follows a step begins. False: nothing does, though the run isn't complete.
  bool follow(std::size_t step, on outcome) {
    if (state_.definition->has_dependencies()) {
      if (outcome == on::ok) begin_dependents(step);
      return outcome == on::ok;
    }
    for (const definition::route& route : state_.definition->routes(step, outcome)) {
      if (!is_open(route)) continue;
      ++state_.taken[route.transition];
      if (route.to) visit(*route.to, state_.steps[step].branch);
      return true;
    }
    return outcome == on::timeout && follow(step, on::error);
  }

  [[nodiscard]] bool is_open(const definition::route& route) const {
    if (state_.known_routes) {
      const auto known = state_.known_routes->find(fact_.seq);
      return known != state_.known_routes->end() && known->second == route.transition;
    }
    const definition::transition& t = state_.definition->transitions()[route.transition];
    const bool is_used_up = t.at_most > 0 && state_.taken[route.transition] >= t.at_most;
    return !is_used_up && holds(t.when, state_.context);
  }

  /// The first of them goes on along the branch; each other one begins a branch of its own.
  void begin_dependents(std::size_t step) {
    const std::size_t branch = state_.steps[step].branch;
    for (const std::size_t next : state_.definition->dependents(step)) {
      if (--state_.steps[next].missing > 0 || state_.ending) continue;
      visit(next, state_.branches[branch] ? next : branch);
    }
  }

  void put_output(std::size_t step, json output) {
    if (state_.definition->has_dependencies()) state_.steps[step].output = output;
    merge_output(*state_.definition, step, std::move(output), state_.context);
  }

  void complete(std::size_t step, json output) {
    leave(step, step_status::completed);
    state_.steps[step].was_completed = true;
    if (state_.is_compensation(step)) return;
    note_done(step, output);
    put_output(step, std::move(output));
    if (state_.ending && !state_.definition->has_dependencies()) return;
    follow(step, on::ok);
  }

  /// The step has failed for good: along a route, or the run fails.
  void fail(std::size_t step, on outcome, const json& reason) {
    if (state_.is_compensation(step)) return wait_for_resolution(step, reason);
    leave(step, state_.discards_results ? step_status::cancelled : step_status::failed);
    state_.steps[step].error = reason;
    if (!state_.ending && follow(step, outcome)) return;
    state_.stopped_at.push_back(step);
    if (state_.ending) return;
    state_.ending = run_status::failed;
    state_.error = reason;
    stop_idle({});
  }

  /// A failed or lost attempt: the step is tried again, or its failure is final.
  void end_attempt_badly(std::size_t step) {
    step_progress& progress = state_.steps[step];
    ++progress.attempts;
    ++progress.counted;
    progress.opened = false;
    progress.due_since = fact_.at;
    const auto again = instant(data_, "retry_at");
    if (!again) return fail(step, on::error, data_.value("error", json()));
    // Without a pause there is nothing to wait for: the step just goes on.
    const bool at_once = *again <= fact_.at;
    progress.until = again;
    progress.status = at_once ? step_status::running : step_status::retrying;
  }

  // -- Waiting for somebody

  /// Who has said it, when and why.
  [[nodiscard]] json what_was_said() const {
    json said = {{"actor", data_.is_object() ? data_.value("actor", json()) : json()}, {"at", to_string(fact_.at)}};
    if (!data_.is_object()) return said;
    if (data_.contains("reason")) said["comment"] = data_["reason"];
    if (data_.contains("metadata")) said["metadata"] = data_["metadata"];
    return said;
  }

  [[nodiscard]] json gate_output(std::string_view decision) const {
    json output = what_was_said();
    output["decision"] = decision;
    return output;
  }

  /// The last approval says the gate's output; where it took several, all of them are in it.
  void approve(std::size_t step) {
    json output = gate_output("approved");
    if (declared(step).quorum > 1) {
      output["approvals"] = state_.steps[step].approvals;
      output["approvals"].push_back(what_was_said());
    }
    complete(step, std::move(output));
  }

  void reject(std::size_t step, const json& output) {
    put_output(step, output);
    fail(step, on::error,
         to_json(error{.code = errc::step_failed,
                       .message = declared(step).name + " was " + output.at("decision").get<std::string>(),
                       .kind = "rejected",
                       .details = output}));
  }

  void expire(std::size_t step) {
    if (declared(step).on_expiry == expiry::reject) return reject(step, gate_output("expired"));
    fail(step, on::error,
         to_json(error{.code = errc::timeout, .message = "nobody decided in time", .kind = "expired"}));
  }

  bool take_event(std::size_t step) {
    const auto found = state_.events.find(declared(step).event);
    if (found == state_.events.end()) return false;
    json taken = std::move(found->second.front());
    found->second.pop_front();
    if (found->second.empty()) state_.events.erase(found);
    complete(step, std::move(taken));
    return true;
  }

  // -- Elements of a list

  bool begin_elements(std::size_t step) {
    step_progress& progress = state_.steps[step];
    if (progress.opened) return false;
    if (progress.elements) {
      progress.elements->reopen(fact_.at);
    } else {
      auto list = list_input_of(state_, step);
      // What an imported run says may be masked.
      if (!list && state_.known_routes) {
        list = list_input{.items = json(data_.at("count").get<std::size_t>(), nullptr), .shared = json::object()};
      }
      if (!list) return false;
      progress.elements.emplace(std::move(list->items), std::move(list->shared),
                                static_cast<std::size_t>(declared(step).for_each.parallel), fact_.at);
    }
    if (progress.elements->size() != data_.at("count").get<std::size_t>()) return false;
    open(progress);
    for (std::size_t lane = 0; lane < progress.elements->lane_count(); ++lane) {
      if (!progress.elements->is_open(lane)) continue;
      state_.branches[branch_of(step, lane)] = step;
      state_.opened_branches.push_back(branch_of(step, lane));
    }
    settle_elements(step);
    return true;
  }

  bool apply_to_element(std::size_t step, std::size_t element) {
    step_progress& progress = state_.steps[step];
    if (!progress.elements || !progress.opened || element >= progress.elements->size()) return false;
    progress.parked = false;
    element_list& list = *progress.elements;
    const std::size_t lane = list.lane_of(element);
    if (!list.is_open(lane)) return false;
    switch (fact_.kind) {
      case fact_kind::element_completed:
        list.complete(element, std::move(data_["output"]), fact_.at);
        break;
      case fact_kind::step_failed:
      case fact_kind::attempt_lost:
        list.fail(element, data_.value("error", json()), instant(data_, "retry_at"), fact_.at);
        if (list.at(element).status == step_status::failed) judge_failures(step);
        break;
      case fact_kind::attempt_interrupted:
        list.interrupt(element, fact_.at);
        break;
      default:
        return false;
    }
    if (list.is_closing()) list.end_lane(lane);
    settle_elements(step);
    return true;
  }

  /// The ending may have ended the lane, the step and the run before.
  bool discard_element(std::size_t step, std::size_t element) {
    step_progress& progress = state_.steps[step];
    if (!progress.elements || element >= progress.elements->size()) return false;
    progress.elements->discard(element);
    if (!state_.ended && state_.is_active(step) && progress.opened) settle_elements(step);
    return true;
  }

  bool end_lane(std::size_t step, std::size_t lane) {
    step_progress& progress = state_.steps[step];
    if (!progress.elements || lane >= progress.elements->lane_count() || !progress.elements->is_open(lane))
      return false;
    progress.elements->end_lane(lane);
    settle_elements(step);
    return true;
  }

  /// Whether as many have failed as the step can't bear.
  void judge_failures(std::size_t step) {
    const definition::for_each& how = declared(step).for_each;
    element_list& list = *state_.steps[step].elements;
    if (list.is_closing() || how.on_failure == on_element_failure::collect) return;
    const double borne = how.tolerated * static_cast<double>(list.size());
    if (how.on_failure == on_element_failure::tolerate && static_cast<double>(list.failed()) <= borne) return;
    close_elements(step, data_.value("error", json()));
  }

  /// No element begins any more. Lanes that wait for a retry are to come and end.
  void close_elements(std::size_t step, std::optional<json> failure) {
    element_list& list = *state_.steps[step].elements;
    list.close(std::move(failure));
    for (std::size_t lane = 0; lane < list.lane_count(); ++lane) {
      if (list.is_open(lane)) state_.woken_branches.push_back(branch_of(step, lane));
    }
  }

  /// Lanes that have ended leave the run; with the last one, the step has ended, too.
  void settle_elements(std::size_t step) {
    step_progress& progress = state_.steps[step];
    element_list& list = *progress.elements;
    for (std::size_t lane = 0; lane < list.lane_count(); ++lane) {
      if (!list.is_open(lane)) leave_lane(branch_of(step, lane));
    }
    if (list.open_lanes() > 0) return;
    const bool all_are_done = list.completed() + list.failed() == list.size();
    if (list.failure()) {
      const json reason = *list.failure();
      return fail(step, on::error, reason);
    }
    if (!all_are_done) return stop(step, step_status::cancelled);
    complete(step, list.results(declared(step).for_each.on_failure != on_element_failure::fail_fast));
  }

  void leave_lane(std::size_t branch) {
    state_.branches[branch].reset();
    std::erase(state_.woken_branches, branch);
  }

  [[nodiscard]] std::size_t branch_of(std::size_t step, std::size_t lane) const {
    return branch_of_lane(*state_.definition, {.step = step, .lane = lane});
  }

  // -- Making good what was done

  void note_done(std::size_t step, const json& output) {
    if (!state_.definition->compensation_of(step)) return;
    auto input = input_of(state_, step);
    state_.to_compensate.push_back({.step = step, .input = input ? *std::move(input) : json(), .output = output});
  }

  /// The next one begins on the branch whose worker has brought the fact, or was the last to have one.
  void compensate_next() {
    state_.compensating = true;
    state_.discards_results = false;
    state_.compensated = std::move(state_.to_compensate.back());
    state_.to_compensate.pop_back();
    const auto step = state_.definition->find_step(fact_.step);
    visit(*state_.definition->compensation_of(state_.compensated->step),
          step ? state_.steps[*step].branch : last_branch_);
  }

  /// A compensation has failed for good. It stays where it is: what is left is not to be made good without it.
  void wait_for_resolution(std::size_t step, const json& reason) {
    step_progress& progress = state_.steps[step];
    progress.status = step_status::failed;
    progress.error = reason;
    progress.until.reset();
    progress.opened = true;
  }

  bool resolve_compensation(std::size_t step) {
    step_progress& progress = state_.steps[step];
    if (!state_.is_compensation(step) || !progress.opened) return false;
    const auto as = data_.at("as").get<std::string>();
    if (as == "retried") {
      progress.status = step_status::running;
      progress.opened = false;
      progress.counted = 0;
      progress.due_since = fact_.at;
    } else {
      leave(step, as == "done" ? step_status::completed : step_status::skipped);
    }
    return true;
  }

  // -- The run as a whole

  /// Nothing is active any more.
  void come_to_rest() {
    state_.compensated.reset();
    if (state_.ending == run_status::failed && !state_.to_compensate.empty()) return compensate_next();
    state_.ended = state_.ending.value_or(run_status::completed);
  }

  /// Stops the steps for which no worker can be doing anything: those that wait, and those that are known to be idle.
  void stop_idle(const std::set<std::string>& idle) {
    for (std::size_t i = 0; i < state_.steps.size(); ++i) {
      const step_progress& progress = state_.steps[i];
      if (!state_.is_active(i)) continue;
      if (progress.opened && declared(i).kind == step_kind::for_each) {
        stop_lanes(i, idle);
        continue;
      }
      // Its effects are somebody's: it is waited for, unless nobody wants to know.
      if (declared(i).kind == step_kind::child && progress.opened && !state_.discards_results) continue;
      // Once a retry is due, its attempt may be in flight.
      const bool is_due_later = progress.status == step_status::retrying && progress.until > fact_.at;
      const bool waits = progress.opened || is_due_later;
      if (waits || idle.contains(declared(i).name)) stop(i, step_status::cancelled);
    }
  }

  /// Lanes whose jobs somebody executes end by themselves.
  void stop_lanes(std::size_t step, const std::set<std::string>& idle) {
    element_list& list = *state_.steps[step].elements;
    for (std::size_t lane = 0; lane < list.lane_count(); ++lane) {
      if (idle.contains(lane_name(declared(step), lane))) list.end_lane(lane);
    }
    close_elements(step, list.failure());
    settle_elements(step);
  }

  bool wind_down(run_status to) {
    if (state_.ended) return false;
    state_.ending = to;
    state_.compensating = false;
    if (to == run_status::cancelled) state_.error.reset();
    state_.discards_results = true;
    state_.takes_children_along = true;
    stop_idle(data_.value("idle", std::set<std::string>()));
    return true;
  }

  bool discard_attempt(std::size_t step) {
    ++state_.steps[step].attempts;
    // Nobody wants its result, but its effects are there.
    if (!state_.ended && data_.is_object() && data_.contains("output")) note_done(step, data_["output"]);
    if (!state_.ended && state_.is_active(step)) stop(step, step_status::cancelled);
    return true;
  }

  bool retry() {
    if (state_.ended != run_status::failed || state_.compensating) return false;
    state_.ended.reset();
    state_.ending.reset();
    state_.error.reset();
    state_.discards_results = false;
    state_.takes_children_along = false;
    const json inputs = data_.value("input", json::object());
    for (const std::size_t step : std::exchange(state_.stopped_at, {})) {
      const auto input = inputs.find(declared(step).name);
      if (input != inputs.end()) state_.steps[step].edited_input = *input;
      enter(step, state_.definition->has_dependencies() ? step : state_.steps[step].branch);
    }
    // Steps whose dependencies completed while the run was failing.
    for (std::size_t i = 0; state_.definition->has_dependencies() && i < state_.steps.size(); ++i) {
      const step_progress& progress = state_.steps[i];
      const bool is_due = progress.status == step_status::pending && progress.missing == 0;
      if (is_due && !state_.is_compensation(i)) visit(i, i);
    }
    return true;
  }

  run_state& state_;
  const fact& fact_;
  json data_;
  std::size_t last_branch_ = 0;  ///< of the step that was left last
};

}  // namespace

result<void> apply(run_state& state, const fact& next) {
  if (next.seq != state.last_seq + 1) return damaged(state.id, next.seq, "a fact is missing before it");
  try {
    if (folding(state, next).apply()) return {};
  } catch (const json::exception& e) {
    return damaged(state.id, next.seq, e.what());
  }
  const std::string of = next.step.empty() ? "" : " of step " + next.step;
  return damaged(state.id, next.seq, std::string(to_string(next.kind)) + of + " can't follow what is before it");
}

}  // namespace squid_mesh
