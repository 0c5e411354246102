#include "progress/elements.h"

#include <squid_mesh/detail/input_rules.hpp>

#include <algorithm>
#include <charconv>

namespace squid_mesh::inline v1 {

element_list::element_list(json items, json shared, std::size_t lanes, time_point now)
    : items_(std::move(items)),
      shared_(std::move(shared)),
      begun_at_(now),
      all_(items_.size()),
      lanes_(std::min(lanes, all_.size())),
      open_lanes_(lanes_.size()) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) lanes_[i].next = i;
}

element_list::element_list(parts all)
    : items_(std::move(all.items)),
      shared_(std::move(all.shared)),
      begun_at_(all.begun_at),
      all_(std::move(all.elements)),
      lanes_(all.open_lanes.size()),
      closing_(all.is_closing),
      failure_(std::move(all.failure)) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    lanes_[i] = {.is_open = all.open_lanes[i] != 0, .next = i, .retrying = {}};
    if (lanes_[i].is_open) ++open_lanes_;
    skip_done(lanes_[i]);
  }
  for (std::size_t i = 0; i < all_.size(); ++i) {
    const element_progress& each = all_[i];
    if (each.status == step_status::completed) ++completed_;
    if (each.status == step_status::failed) ++failed_;
    if (each.until) lanes_[lane_of(i)].retrying.emplace(*each.until, i);
  }
}

element_list::parts element_list::take_apart() const {
  parts all{.items = items_,
            .shared = shared_,
            .begun_at = begun_at_,
            .elements = all_,
            .is_closing = closing_,
            .failure = failure_};
  for (const lane_progress& each : lanes_) all.open_lanes.push_back(each.is_open ? 1 : 0);
  return all;
}

std::size_t element_list::retrying() const {
  std::size_t count = 0;
  for (const lane_progress& each : lanes_) count += each.retrying.size();
  return count;
}

json element_list::input_of(std::size_t element) const {
  json input = shared_;
  input[std::string(detail::element_item)] = items_[element];
  input[std::string(detail::element_index)] = element;
  return input;
}

std::optional<std::size_t> element_list::due(std::size_t number, time_point now) const {
  const lane_progress& of = lanes_[number];
  if (of.next < all_.size()) return of.next;
  if (of.retrying.empty() || of.retrying.begin()->first > now) return std::nullopt;
  return of.retrying.begin()->second;
}

std::optional<time_point> element_list::next_retry(std::size_t number) const {
  const lane_progress& of = lanes_[number];
  if (of.next < all_.size() || of.retrying.empty()) return std::nullopt;
  return of.retrying.begin()->first;
}

time_point element_list::due_since(std::size_t element) const {
  return std::max({begun_at_, all_[element].due_since, all_[element].until.value_or(begun_at_)});
}

void element_list::skip_done(lane_progress& of) const {
  while (of.next < all_.size() && all_[of.next].status != step_status::pending) of.next += lanes_.size();
}

void element_list::end_lane(std::size_t number) {
  if (!lanes_[number].is_open) return;
  lanes_[number].is_open = false;
  --open_lanes_;
}

void element_list::end_if_done(std::size_t number) {
  const lane_progress& of = lanes_[number];
  if (closing_ || (of.next >= all_.size() && of.retrying.empty())) end_lane(number);
}

element_progress& element_list::leave(std::size_t element, time_point now) {
  element_progress& progress = all_[element];
  lane_progress& of = lanes_[lane_of(element)];
  if (progress.until) of.retrying.erase({*progress.until, element});
  progress.until.reset();
  progress.due_since = now;
  ++progress.attempts;
  return progress;
}

void element_list::complete(std::size_t element, json output, time_point now) {
  element_progress& progress = leave(element, now);
  progress.status = step_status::completed;
  progress.output = std::move(output);
  ++completed_;
  skip_done(lanes_[lane_of(element)]);
  end_if_done(lane_of(element));
}

void element_list::fail(std::size_t element, json reason, std::optional<time_point> again, time_point now) {
  element_progress& progress = leave(element, now);
  progress.error = std::move(reason);
  ++progress.counted;
  progress.until = again;
  progress.status = again ? step_status::retrying : step_status::failed;
  lane_progress& of = lanes_[lane_of(element)];
  again ? static_cast<void>(of.retrying.emplace(*again, element)) : static_cast<void>(++failed_);
  skip_done(of);
  end_if_done(lane_of(element));
}

/// It is the lane's next one again.
void element_list::interrupt(std::size_t element, time_point now) {
  const bool was_tried = all_[element].status == step_status::retrying;
  element_progress& progress = leave(element, now);
  if (was_tried) {
    progress.until = now;
    lanes_[lane_of(element)].retrying.emplace(now, element);
  }
  end_if_done(lane_of(element));
}

void element_list::discard(std::size_t element) {
  ++all_[element].attempts;
  end_lane(lane_of(element));
}

void element_list::reopen(time_point now) {
  closing_ = false;
  failure_.reset();
  failed_ = 0;
  begun_at_ = now;
  open_lanes_ = 0;
  for (element_progress& each : all_) {
    if (each.status == step_status::completed) continue;
    each.status = step_status::pending;
    each.counted = 0;
    each.until.reset();
  }
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    lanes_[i] = {.is_open = true, .next = i, .retrying = {}};
    ++open_lanes_;
    skip_done(lanes_[i]);
    end_if_done(i);
  }
}

json element_list::results(bool with_failures) const {
  json results = json::array();
  json failures = json::array();
  for (std::size_t i = 0; i < all_.size(); ++i) {
    results.push_back(all_[i].output);
    if (all_[i].status == step_status::failed) failures.push_back({{"index", i}, {"error", all_[i].error}});
  }
  if (!with_failures) return results;
  return {{"results", std::move(results)}, {"failures", std::move(failures)}};
}

std::string lane_name(const definition::step& step, std::size_t lane) {
  return step.name + detail::lane_separator + std::to_string(lane);
}

std::optional<lane_place> lane_at(const definition& workflow, std::size_t branch) {
  if (branch < workflow.steps().size()) return std::nullopt;
  const std::size_t lane = branch - workflow.steps().size();
  // The last step that begins at or before it: those without lanes begin where the next one does.
  for (std::size_t i = workflow.steps().size(); i-- > 0;) {
    if (workflow.steps()[i].kind != step_kind::for_each || workflow.first_lane(i) > lane) continue;
    return lane_place{.step = i, .lane = lane - workflow.first_lane(i)};
  }
  return std::nullopt;
}

std::optional<lane_place> find_lane(const definition& workflow, std::string_view name) {
  const std::size_t end = name.find_last_of(detail::lane_separator);
  if (end == std::string_view::npos) return std::nullopt;
  const auto step = workflow.find_step(name.substr(0, end));
  if (!step || workflow.steps()[*step].kind != step_kind::for_each) return std::nullopt;
  int number = -1;
  const char* const last = name.data() + name.size();
  const auto [rest, problem] = std::from_chars(name.data() + end + 1, last, number);
  if (problem != std::errc() || rest != last) return std::nullopt;
  if (number < 0 || number >= workflow.steps()[*step].for_each.parallel) return std::nullopt;
  return lane_place{.step = *step, .lane = static_cast<std::size_t>(number)};
}

std::size_t branch_of_lane(const definition& workflow, lane_place lane) {
  return workflow.steps().size() + workflow.first_lane(lane.step) + lane.lane;
}

}  // namespace squid_mesh::inline v1
