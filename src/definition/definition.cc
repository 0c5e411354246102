#include "base/hash.h"
#include "definition/canonical.h"
#include "definition/problems.h"
#include "definition/read.h"
#include "definition/words.h"

#include <squid_mesh/definition.hpp>

#include <algorithm>
#include <utility>

namespace squid_mesh::inline v1 {
std::string_view to_string(type t) { return words::types.at(static_cast<std::size_t>(t)); }
std::string_view to_string(step_kind kind) { return detail::word_of(kind); }
std::string_view to_string(on outcome) { return words::outcomes.at(static_cast<std::size_t>(outcome)); }
std::string_view to_string(recovery what) { return words::recoveries.at(static_cast<std::size_t>(what)); }
std::string_view to_string(on_parent_cancel policy) {
  return words::parent_policies.at(static_cast<std::size_t>(policy));
}
std::string_view to_string(on_element_failure policy) {
  return words::element_policies.at(static_cast<std::size_t>(policy));
}
std::string_view to_string(expiry outcome) { return words::expiries.at(static_cast<std::size_t>(outcome)); }
std::string_view to_string(missed_ticks policy) { return words::missed_policies.at(static_cast<std::size_t>(policy)); }
std::string_view to_string(overlap policy) { return words::overlaps.at(static_cast<std::size_t>(policy)); }
std::string_view to_string(term_kind kind) { return detail::word_of(kind); }

namespace {

/// As the rules have it.
struct route_graph {
  const std::vector<definition::transition>& transitions;
  std::vector<std::vector<definition::route>> routes;  ///< by step

  [[nodiscard]] std::size_t size() const { return routes.size(); }
  [[nodiscard]] std::size_t degree(std::size_t step) const { return routes[step].size(); }
  [[nodiscard]] std::size_t target(std::size_t step, std::size_t k) const {
    return routes[step][k].to.value_or(detail::depth_first::nowhere);
  }
  [[nodiscard]] bool is_limited(std::size_t step, std::size_t k) const {
    return detail::is_limited(transitions[routes[step][k].transition]);
  }
};

}  // namespace

result<definition> definition::from(const declaration& declared) {
  problem_list problems;
  detail::check(declared, problems);
  if (!problems.empty()) return std::unexpected(std::move(problems).to_error(declared.name));
  return from_json(canonical(declared));
}

result<definition> definition::from_json(const json& document) {
  problem_list problems;
  reading read = read_draft(document, problems);
  if (read.is_complete) detail::check(read.workflow, problems);
  if (!problems.empty()) return std::unexpected(std::move(problems).to_error(read.workflow.name));
  return definition(std::move(read.workflow));
}

definition::definition(detail::draft checked)
    : document_(canonical(checked)),
      fingerprint_(sha256_hex(document_.dump())),
      name_(std::move(checked.name)),
      version_(std::move(checked.version)),
      queue_(std::move(checked.queue)),
      triggers_(std::move(checked.triggers)),
      steps_(std::move(checked.steps)),
      transitions_(std::move(checked.transitions)),
      links_(steps_.size()) {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    step_indexes_.emplace(steps_[i].name, i);
    links_[i].first_lane = lane_count_;
    if (steps_[i].kind == step_kind::for_each) lane_count_ += static_cast<std::size_t>(steps_[i].for_each.parallel);
  }
  connect();
  add_compensations();
}

/// Makes steps of their own of them, to which no transition leads.
void definition::add_compensations() {
  const std::size_t declared = steps_.size();
  for (std::size_t i = 0; i < declared; ++i) {
    if (!steps_[i].compensate) continue;
    step made;
    made.name = steps_[i].name + std::string(compensation_suffix);
    made.retry = steps_[i].compensate->retry;
    made.timeout = steps_[i].compensate->timeout;
    made.transactional = steps_[i].compensate->transactional;
    made.queue = steps_[i].queue;
    links_[i].compensation = steps_.size();
    step_indexes_.emplace(made.name, steps_.size());
    steps_.push_back(std::move(made));
    links_.emplace_back().compensates = i;
    has_compensations_ = true;
  }
}

/// Resolves names to indexes, once.
void definition::connect() {
  route_graph graph{.transitions = transitions_, .routes = std::vector<std::vector<route>>(steps_.size())};
  for (std::size_t i = 0; i < transitions_.size(); ++i) {
    const transition& t = transitions_[i];
    const std::size_t from = *find_step(t.from);
    const route way{.transition = i, .to = find_step(t.to)};
    links_[from].routes.at(static_cast<std::size_t>(t.on)).push_back(way);
    graph.routes[from].push_back(way);
  }
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    for (const std::string& name : steps_[i].after) {
      const std::size_t earlier = *find_step(name);
      links_[i].dependencies.push_back(earlier);
      links_[earlier].dependents.push_back(i);
    }
    has_dependencies_ = has_dependencies_ || !steps_[i].after.empty();
  }
  if (!has_dependencies_) {
    entries_.push_back(detail::first_step(graph, detail::depth_first(graph)));
    return;
  }
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (links_[i].dependencies.empty()) entries_.push_back(i);
  }
}

const definition::trigger* definition::find_trigger(std::string_view name) const {
  const auto found = std::ranges::find(triggers_, name, &trigger::name);
  return found == triggers_.end() ? nullptr : &*found;
}

std::optional<std::size_t> definition::find_step(std::string_view name) const {
  const auto found = step_indexes_.find(std::string(name));
  return found == step_indexes_.end() ? std::nullopt : std::optional(found->second);
}

std::string_view definition::output_key(std::size_t of) const { return detail::output_key(steps_[of]); }

std::span<const definition::route> definition::routes(std::size_t from, on outcome) const {
  return links_[from].routes.at(static_cast<std::size_t>(outcome));
}

}  // namespace squid_mesh::inline v1
