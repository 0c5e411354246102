#include "progress/condition.h"
#include "progress/run_state.h"

#include <squid_mesh/detail/input_rules.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace squid_mesh {
namespace {

std::unexpected<error> damaged(const run_id& id, std::int64_t seq, std::string_view what) {
  return std::unexpected(error{.code = errc::storage,
                               .message = "the journal of run " + to_string(id) + " is damaged at " +
                                          std::to_string(seq) + ": " + std::string(what)});
}

/// Of `run_record::routes`.
std::optional<std::map<std::int64_t, std::size_t>> read_routes(const std::string& text) {
  std::map<std::int64_t, std::size_t> routes;
  if (text.empty()) return routes;
  try {
    for (const json& each : json::parse(text)) routes[each.at(0).get<std::int64_t>()] = each.at(1).get<std::size_t>();
    return routes;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

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
      return needs_worker(kind);
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

/// Puts a step's output into a context.
void merge_output(const definition& workflow, std::size_t step, json output, json& context) {
  const std::string_view key = workflow.output_key(step);
  if (!key.empty()) {
    context[std::string(key)] = std::move(output);
  } else if (output.is_object()) {
    context.update(output);
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
    const auto step = state_.definition->find_step(fact_.step);
    const bool fits = fact_.step.empty() ? apply_to_run() : step && apply_to_step(*step);
    if (!fits) return false;
    state_.last_seq = fact_.seq;
    state_.last_at = fact_.at;
    note_key();
    if (state_.active == 0 && !state_.ended) state_.ended = state_.ending.value_or(run_status::completed);
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
    if (fact_.kind == fact_kind::attempt_discarded) return discard_attempt(step);
    if (state_.ended || !state_.is_active(step)) return false;
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
    put_output(step, std::move(output));
    if (state_.ending && !state_.definition->has_dependencies()) return;
    follow(step, on::ok);
  }

  /// The step has failed for good: along a route, or the run fails.
  void fail(std::size_t step, on outcome, const json& reason) {
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

  // -- The run as a whole

  /// Stops the steps for which no worker can be doing anything: those that wait, and those that are known to be idle.
  void stop_idle(const std::set<std::string>& idle) {
    for (std::size_t i = 0; i < state_.steps.size(); ++i) {
      const step_progress& progress = state_.steps[i];
      if (!state_.is_active(i)) continue;
      // Once a retry is due, its attempt may be in flight.
      const bool is_due_later = progress.status == step_status::retrying && progress.until > fact_.at;
      const bool waits = progress.opened || is_due_later;
      if (waits || idle.contains(declared(i).name)) stop(i, step_status::cancelled);
    }
  }

  bool wind_down(run_status to) {
    if (state_.ended) return false;
    state_.ending = to;
    if (to == run_status::cancelled) state_.error.reset();
    state_.discards_results = true;
    stop_idle(data_.value("idle", std::set<std::string>()));
    return true;
  }

  bool discard_attempt(std::size_t step) {
    ++state_.steps[step].attempts;
    if (!state_.ended && state_.is_active(step)) stop(step, step_status::cancelled);
    return true;
  }

  bool retry() {
    if (state_.ended != run_status::failed) return false;
    state_.ended.reset();
    state_.ending.reset();
    state_.error.reset();
    state_.discards_results = false;
    const json inputs = data_.value("input", json::object());
    for (const std::size_t step : std::exchange(state_.stopped_at, {})) {
      const auto input = inputs.find(declared(step).name);
      if (input != inputs.end()) state_.steps[step].edited_input = *input;
      enter(step, state_.definition->has_dependencies() ? step : state_.steps[step].branch);
    }
    // Steps whose dependencies completed while the run was failing.
    for (std::size_t i = 0; state_.definition->has_dependencies() && i < state_.steps.size(); ++i) {
      if (state_.steps[i].status == step_status::pending && state_.steps[i].missing == 0) visit(i, i);
    }
    return true;
  }

  run_state& state_;
  const fact& fact_;
  json data_;
};

/// Adds the steps before one, each after those that it waits for.
void collect_ancestors(const definition& workflow, std::size_t step, std::vector<std::size_t>& found) {
  for (const std::size_t earlier : workflow.dependencies(step)) {
    if (std::ranges::find(found, earlier) != found.end()) continue;
    collect_ancestors(workflow, earlier, found);
    found.push_back(earlier);
  }
}

}  // namespace

std::vector<std::string> approvers_of(const step_progress& gate) {
  std::vector<std::string> actors;
  actors.reserve(gate.approvals.size());
  for (const json& each : gate.approvals) actors.push_back(each.at("actor"));
  return actors;
}

run_status run_state::status() const {
  if (ended) return *ended;
  if (discards_results) return run_status::cancelling;
  if (!has_begun && stored_status == run_status::pending) return run_status::pending;
  std::size_t gates = 0;
  for (const std::optional<std::size_t>& step : branches) {
    if (!step) continue;
    const step_progress& progress = steps[*step];
    if (progress.status == step_status::retrying) return run_status::retrying;
    if (progress.opened && is_gate(definition->steps()[*step].kind)) ++gates;
  }
  return gates > 0 && gates == active ? run_status::paused : run_status::running;
}

json run_state::visible_context(std::size_t step) const {
  if (!definition->has_dependencies()) return context;
  json visible = start_context;
  std::vector<std::size_t> before;
  collect_ancestors(*definition, step, before);
  for (const std::size_t i : before) {
    if (steps[i].output) merge_output(*definition, i, *steps[i].output, visible);
  }
  return visible;
}

result<run_state> begin(std::shared_ptr<const definition> workflow, const run_record& run) {
  run_state state;
  state.id = run.id;
  state.queue = run.queue;
  state.priority = run.priority;
  state.has_deadline = run.deadline.has_value();
  state.last_at = run.started_at;
  state.stored_status = run.status;
  state.context = json::parse(run.payload, nullptr, false);
  if (!state.context.is_object()) return damaged(run.id, 0, "its payload is not an object");
  const json origin = run.origin.empty() ? json::object() : json::parse(run.origin, nullptr, false);
  if (origin.is_object() && origin.contains("schedule")) {
    state.context[std::string(detail::schedule_key)] = origin["schedule"];
  }
  if (run.imported_at) {
    state.known_routes = read_routes(run.routes);
    if (!state.known_routes) return damaged(run.id, 0, "its routes can't be read");
  }
  state.steps.resize(workflow->steps().size());
  state.branches.resize(workflow->steps().size());
  state.taken.resize(workflow->transitions().size());
  if (workflow->has_dependencies()) state.start_context = state.context;
  for (std::size_t i = 0; i < state.steps.size(); ++i) {
    state.steps[i].branch = i;
    state.steps[i].missing = workflow->dependencies(i).size();
  }
  for (const std::size_t entry : workflow->entries()) {
    state.steps[entry].status = step_status::running;
    state.steps[entry].visits = 1;
    state.steps[entry].due_since = run.started_at;
    state.branches[entry] = entry;
    ++state.active;
  }
  state.definition = std::move(workflow);
  return state;
}

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

result<run_state> fold(std::shared_ptr<const definition> workflow, const journal& history) {
  auto state = begin(std::move(workflow), history.run);
  if (!state) return state;
  for (const fact& next : history.facts) {
    if (auto applied = apply(*state, next); !applied) return std::unexpected(std::move(applied).error());
  }
  return state;
}

run_status status_to_store(run_status stored, run_status actual, bool job_is_held) {
  const bool implied =
      job_is_held && actual == run_status::running && (stored == run_status::pending || stored == run_status::retrying);
  return implied ? stored : actual;
}

}  // namespace squid_mesh
