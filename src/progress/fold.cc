#include "progress/condition.h"
#include "progress/damaged.h"
#include "progress/folding.h"

#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// What a fact takes beside its data, about: that is read with it.
constexpr std::size_t fact_overhead = 100;

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

}  // namespace

bool folding::apply() {
  state_.opened_branches.clear();
  state_.woken_branches.clear();
  const auto step = state_.definition->find_step(fact_.step);
  const bool fits = fact_.step.empty() ? apply_to_run() : step && apply_to_step(*step);
  if (!fits) return false;
  state_.last_seq = fact_.seq;
  state_.last_at = fact_.at;
  ++state_.unkept.facts;
  state_.unkept.bytes += fact_overhead + fact_.data.size();
  note_key();
  if (state_.active == 0 && !state_.ended) come_to_rest();
  return true;
}

std::optional<time_point> folding::instant(const char* key) const {
  const auto found = data_.find(key);
  if (found == data_.end()) return std::nullopt;
  return time_point(microseconds(found->get<std::int64_t>()));
}

bool folding::apply_to_run() {
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
    case fact_kind::run_migrated:
      return !state_.ended;
    default:
      return false;
  }
}

bool folding::apply_to_step(std::size_t step) {
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

void folding::note_key() {
  if (!data_.is_object() || fact_.kind == fact_kind::step_completed) return;
  if (const auto key = data_.find("key"); key != data_.end() && key->is_string()) state_.command_keys.insert(*key);
}

void folding::enter(std::size_t step, std::size_t branch) {
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

void folding::visit(std::size_t step, std::size_t branch) {
  ++state_.steps[step].visits;
  state_.steps[step].elements.reset();
  state_.steps[step].edited_input.reset();
  enter(step, branch);
}

void folding::leave(std::size_t step, step_status status) {
  step_progress& progress = state_.steps[step];
  progress.status = status;
  progress.until.reset();
  progress.opened = false;
  state_.branches[progress.branch].reset();
  --state_.active;
  last_branch_ = progress.branch;
}

void folding::stop(std::size_t step, step_status status) {
  leave(step, status);
  state_.stopped_at.push_back(step);
}

void folding::open(step_progress& progress) {
  progress.opened = true;
  progress.until = instant("until");
}

bool folding::follow(std::size_t step, on outcome) {
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

bool folding::is_open(const definition::route& route) const {
  if (state_.known_routes) {
    const auto known = state_.known_routes->find(fact_.seq);
    return known != state_.known_routes->end() && known->second == route.transition;
  }
  const definition::transition& t = state_.definition->transitions()[route.transition];
  const bool is_used_up = t.at_most > 0 && state_.taken[route.transition] >= t.at_most;
  return !is_used_up && holds(t.when, state_.context);
}

void folding::begin_dependents(std::size_t step) {
  const std::size_t branch = state_.steps[step].branch;
  for (const std::size_t next : state_.definition->dependents(step)) {
    if (--state_.steps[next].missing > 0 || state_.ending) continue;
    visit(next, state_.branches[branch] ? next : branch);
  }
}

void folding::put_output(std::size_t step, json output) {
  if (state_.definition->has_dependencies()) state_.steps[step].output = output;
  merge_output(*state_.definition, step, std::move(output), state_.context);
}

void folding::complete(std::size_t step, json output) {
  leave(step, step_status::completed);
  state_.steps[step].was_completed = true;
  if (state_.is_compensation(step)) return;
  note_done(step, output);
  put_output(step, std::move(output));
  if (state_.ending && !state_.definition->has_dependencies()) return;
  follow(step, on::ok);
}

void folding::fail(std::size_t step, on outcome, const json& reason) {
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

void folding::end_attempt_badly(std::size_t step) {
  step_progress& progress = state_.steps[step];
  ++progress.attempts;
  ++progress.counted;
  progress.opened = false;
  progress.due_since = fact_.at;
  const auto again = instant("retry_at");
  if (!again) return fail(step, on::error, data_.value("error", json()));
  // Without a pause there is nothing to wait for: the step just goes on.
  const bool at_once = *again <= fact_.at;
  progress.until = again;
  progress.status = at_once ? step_status::running : step_status::retrying;
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

}  // namespace squid_mesh::inline v1
