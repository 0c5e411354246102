// squid_mesh/detail/graph_rules.hpp - the checks of how transitions connect a workflow's steps, and of what steps read.
#pragma once

#include <squid_mesh/declaration.hpp>
#include <squid_mesh/detail/input_rules.hpp>
#include <squid_mesh/detail/name_index.hpp>
#include <squid_mesh/detail/rule.hpp>
#include <squid_mesh/detail/step_set.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

namespace squid_mesh::detail {

/// Whether nothing but the outcome decides about a transition.
template <class Transition>
constexpr bool always_holds(const Transition& t) {
  return t.when.terms.empty() && t.at_most == 0;
}

/// See rules.hpp for what `Workflow` and `Report` are.
template <class Workflow, class Report>
class graph_check {
 public:
  constexpr graph_check(const Workflow& checked, Report& told) : w_(checked), report_(told) {}

  constexpr void run() {
    // Each rule speaks of a graph that keeps the rules before: one mistake is one problem.
    if (!resolve()) return;
    check_routes();
    if (!sort()) return;
    check_reach();
    check_produced_keys();
  }

 private:
  static constexpr std::size_t nowhere = name_index::none;

  /// A transition as indexes.
  struct link {
    std::size_t transition = 0;
    std::size_t to = nowhere;  ///< `nowhere`: the end of the run
  };
  /// The transitions that leave a step, in the order declared.
  using links = std::vector<link>;

  enum class visit : char { none, begun, done };

  [[nodiscard]] constexpr const auto& at(const link& l) const { return w_.transitions[l.transition]; }

  constexpr void broken(const rule& which, std::size_t transition, std::string_view key, std::string_view culprit) {
    const place root{};
    const place here{&root, "transitions", transition};
    report_.broken(which, {&here, key}, culprit);
  }

  constexpr void broken_step(const rule& which, std::size_t step) {
    const place root{};
    report_.broken(which, {&root, "steps", step}, w_.steps[step].name);
  }

  /// Whether every transition is between declared steps.
  constexpr bool resolve() {
    bool good = true;
    name_index steps;
    for (const auto& s : w_.steps) steps.add(s.name);
    next_.resize(w_.steps.size());
    for (std::size_t i = 0; i < w_.transitions.size(); ++i) {
      const auto& t = w_.transitions[i];
      const std::size_t from = steps.find(t.from);
      const std::size_t to = t.to == complete ? nowhere : steps.find(t.to);
      const bool knows_from = from != nowhere;
      const bool knows_to = to != nowhere || t.to == complete;
      if (!knows_from) broken(rules::transition_leaves_a_step_that_is_not_declared, i, "from", t.from);
      if (!knows_to) broken(rules::transition_targets_a_step_that_is_not_declared, i, "to", t.to);
      good = good && knows_from && knows_to;
      if (knows_from && knows_to) next_[from].push_back({.transition = i, .to = to});
    }
    return good;
  }

  /// What each step's transitions say of each outcome.
  constexpr void check_routes() {
    for (std::size_t i = 0; i < next_.size(); ++i) {
      const auto& step = w_.steps[i];
      if (check_outcome(i, on::ok) == nowhere) broken_step(rules::step_has_no_transition_on_ok, i);
      const bool has_error_route = check_outcome(i, on::error) != nowhere;
      if (step.kind == step_kind::approval && !has_error_route) {
        broken_step(rules::approval_has_no_route_for_a_rejection, i);
      }
      const std::size_t late = check_outcome(i, on::timeout);
      const bool may_be_late = step.kind == step_kind::await_event && step.expires_in > milliseconds{0};
      if (late != nowhere && !may_be_late) {
        broken(rules::timeout_route_leaves_a_step_that_has_no_timeout, late, "on", step.name);
      }
    }
  }

  /// The last transition for an outcome; `nowhere` where there is none.
  constexpr std::size_t check_outcome(std::size_t step, on outcome) {
    std::size_t last = nowhere;
    for (const link& l : next_[step]) {
      if (at(l).on != outcome) continue;
      if (last != nowhere && always_holds(w_.transitions[last])) {
        broken(rules::transition_is_never_taken, l.transition, "from", w_.steps[step].name);
      }
      last = l.transition;
    }
    if (outcome == on::ok && last != nowhere && !always_holds(w_.transitions[last])) {
      broken(rules::conditional_transitions_have_no_fallback, last, "when", w_.steps[step].name);
    }
    return last;
  }

  /// Looks for cycles; those through a transition with a limit come to an end.
  constexpr bool sort() {
    visits_.assign(next_.size(), visit::none);
    acyclic_ = true;
    for (std::size_t i = 0; i < next_.size(); ++i) visit_from(i);
    return acyclic_;
  }

  constexpr void visit_from(std::size_t step) {
    if (visits_[step] != visit::none) return;
    visits_[step] = visit::begun;
    for (const link& l : next_[step]) {
      if (l.to == nowhere || at(l).at_most > 0) continue;
      if (visits_[l.to] == visit::begun) {
        broken(rules::transitions_form_a_cycle, l.transition, "to", w_.steps[l.to].name);
        acyclic_ = false;
      }
      visit_from(l.to);
    }
    visits_[step] = visit::done;
    last_to_first_.push_back(step);
  }

  /// A run begins with the first step to which no transition leads that may be followed any number of times. Every
  /// other one has to be reached from there.
  constexpr void check_reach() {
    step_set targets(next_.size());
    for (const links& out : next_) {
      for (const link& l : out) {
        if (l.to != nowhere && at(l).at_most == 0) targets.insert(l.to);
      }
    }
    step_set reached(next_.size());
    std::vector<std::size_t> to_visit;
    for (std::size_t i = 0; i < next_.size() && to_visit.empty(); ++i) {
      if (!targets.contains(i)) to_visit.push_back(i);
    }
    while (!to_visit.empty()) {
      const std::size_t step = to_visit.back();
      to_visit.pop_back();
      if (reached.contains(step)) continue;
      reached.insert(step);
      for (const link& l : next_[step]) {
        if (l.to != nowhere) to_visit.push_back(l.to);
      }
    }
    for (std::size_t i = 0; i < next_.size(); ++i) {
      if (!reached.contains(i)) broken_step(rules::step_is_not_reachable, i);
    }
  }

  /// Whether each key that a step reads can be there: from a payload, or from a step that may have succeeded before.
  constexpr void check_produced_keys() {
    std::vector<past> pasts(next_.size(), past(next_.size()));
    // Where transitions lead back, what is later comes before, too: again, until nothing new is found.
    for (bool found = true; found;) {
      found = false;
      for (std::size_t i = last_to_first_.size(); i-- > 0;) found = pass_on(last_to_first_[i], pasts) || found;
    }
    const input_check<Workflow, Report> inputs(w_, report_);
    for (std::size_t i = 0; i < pasts.size(); ++i) inputs.check(i, pasts[i]);
  }

  constexpr bool pass_on(std::size_t step, std::vector<past>& pasts) const {
    bool found = false;
    for (const link& l : next_[step]) {
      if (l.to == nowhere) continue;
      // A step that failed leaves no output; a rejection does.
      const bool leaves_output = at(l).on == on::ok || is_gate(w_.steps[step].kind);
      found = pasts[l.to].follows(pasts[step], step, w_.steps[step], leaves_output) || found;
    }
    return found;
  }

  const Workflow& w_;
  Report& report_;
  std::vector<links> next_;
  std::vector<visit> visits_;
  std::vector<std::size_t> last_to_first_;
  bool acyclic_ = true;
};

}  // namespace squid_mesh::detail
