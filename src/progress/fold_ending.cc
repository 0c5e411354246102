// How a run ends, what it did is made good, and a failed one goes on again.
#include "progress/folding.h"
#include "progress/policy.h"

#include <utility>

namespace squid_mesh::inline v1 {

void folding::note_done(std::size_t step, const json& output) {
  if (!state_.definition->compensation_of(step)) return;
  auto input = input_of(state_, step);
  state_.to_compensate.push_back({.step = step, .input = input ? *std::move(input) : json(), .output = output});
}

void folding::compensate_next() {
  state_.compensating = true;
  state_.discards_results = false;
  state_.compensated = std::move(state_.to_compensate.back());
  state_.to_compensate.pop_back();
  const auto step = state_.definition->find_step(fact_.step);
  visit(*state_.definition->compensation_of(state_.compensated->step),
        step ? state_.steps[*step].branch : last_branch_);
}

void folding::wait_for_resolution(std::size_t step, const json& reason) {
  step_progress& progress = state_.steps[step];
  progress.status = step_status::failed;
  progress.error = reason;
  progress.until.reset();
  progress.opened = true;
}

bool folding::resolve_compensation(std::size_t step) {
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

void folding::come_to_rest() {
  state_.compensated.reset();
  if (state_.ending == run_status::failed && !state_.to_compensate.empty()) return compensate_next();
  state_.ended = state_.ending.value_or(run_status::completed);
}

void folding::stop_idle(const std::set<std::string>& idle) {
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

bool folding::wind_down(run_status to) {
  if (state_.ended) return false;
  state_.ending = to;
  state_.compensating = false;
  if (to == run_status::cancelled) state_.error.reset();
  state_.discards_results = true;
  state_.takes_children_along = true;
  stop_idle(data_.value("idle", std::set<std::string>()));
  return true;
}

bool folding::discard_attempt(std::size_t step) {
  ++state_.steps[step].attempts;
  // Nobody wants its result, but its effects are there.
  if (!state_.ended && data_.is_object() && data_.contains("output")) note_done(step, data_["output"]);
  if (!state_.ended && state_.is_active(step)) stop(step, step_status::cancelled);
  return true;
}

bool folding::retry() {
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

}  // namespace squid_mesh::inline v1
