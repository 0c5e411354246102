// Steps over lists: their elements and lanes.
#include "progress/folding.h"
#include "progress/policy.h"

#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {

bool folding::begin_elements(std::size_t step) {
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

bool folding::apply_to_element(std::size_t step, std::size_t element) {
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
      list.fail(element, data_.value("error", json()), instant("retry_at"), fact_.at);
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

bool folding::discard_element(std::size_t step, std::size_t element) {
  step_progress& progress = state_.steps[step];
  if (!progress.elements || element >= progress.elements->size()) return false;
  progress.elements->discard(element);
  if (!state_.ended && state_.is_active(step) && progress.opened) settle_elements(step);
  return true;
}

bool folding::end_lane(std::size_t step, std::size_t lane) {
  step_progress& progress = state_.steps[step];
  if (!progress.elements || lane >= progress.elements->lane_count() || !progress.elements->is_open(lane)) return false;
  progress.elements->end_lane(lane);
  settle_elements(step);
  return true;
}

void folding::judge_failures(std::size_t step) {
  const definition::for_each& how = declared(step).for_each;
  element_list& list = *state_.steps[step].elements;
  if (list.is_closing() || how.on_failure == on_element_failure::collect) return;
  const double borne = how.tolerated * static_cast<double>(list.size());
  if (how.on_failure == on_element_failure::tolerate && static_cast<double>(list.failed()) <= borne) return;
  close_elements(step, data_.value("error", json()));
}

void folding::close_elements(std::size_t step, std::optional<json> failure) {
  element_list& list = *state_.steps[step].elements;
  list.close(std::move(failure));
  for (std::size_t lane = 0; lane < list.lane_count(); ++lane) {
    if (list.is_open(lane)) state_.woken_branches.push_back(branch_of(step, lane));
  }
}

void folding::settle_elements(std::size_t step) {
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

void folding::stop_lanes(std::size_t step, const std::set<std::string>& idle) {
  element_list& list = *state_.steps[step].elements;
  for (std::size_t lane = 0; lane < list.lane_count(); ++lane) {
    if (idle.contains(lane_name(declared(step), lane))) list.end_lane(lane);
  }
  close_elements(step, list.failure());
  settle_elements(step);
}

void folding::leave_lane(std::size_t branch) {
  state_.branches[branch].reset();
  std::erase(state_.woken_branches, branch);
}

std::size_t folding::branch_of(std::size_t step, std::size_t lane) const {
  return branch_of_lane(*state_.definition, {.step = step, .lane = lane});
}

}  // namespace squid_mesh::inline v1
