// squid_mesh/detail/graph_rules.hpp - the checks of how transitions connect a workflow's steps, and of what steps read.
#pragma once

#include <squid_mesh/declaration.hpp>
#include <squid_mesh/detail/depth_first.hpp>
#include <squid_mesh/detail/input_rules.hpp>
#include <squid_mesh/detail/name_index.hpp>
#include <squid_mesh/detail/rule.hpp>
#include <squid_mesh/detail/step_set.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

template <class Transition>
constexpr bool is_limited(const Transition& t) {
  return t.at_most > 0;
}

/// Whether nothing but the outcome decides about a transition.
template <class Transition>
constexpr bool always_holds(const Transition& t) {
  return t.when.terms.empty() && !is_limited(t);
}

/// A run begins with the first step, in the order declared, to which no transition leads but those with limits, and no
/// step that it doesn't lead to itself. `Graph` is that of all transitions, with `is_limited(node, edge)`, which has
/// cycles only through those with limits.
template <class Graph>
constexpr std::size_t first_step(const Graph& graph, const depth_first& walk) {
  step_set steps(graph.size());  // That can't be the first.
  step_set groups(walk.groups());
  for (std::size_t from = 0; from < graph.size(); ++from) {
    for (std::size_t k = 0; k < graph.degree(from); ++k) {
      const std::size_t to = graph.target(from, k);
      if (to == depth_first::nowhere) continue;
      if (!graph.is_limited(from, k)) steps.insert(to);
      if (walk.group(to) != walk.group(from)) groups.insert(walk.group(to));
    }
  }
  std::size_t first = 0;
  while (steps.contains(first) || groups.contains(walk.group(first))) ++first;
  return first;
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
    if (!is_finite()) return;
    if (next_.empty()) return;
    const depth_first walk(graph{*this, true});
    check_reach(first_step(graph{*this, true}, walk));
    check_produced_keys(walk);
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

  /// The graph of all transitions, or of those that may be followed any number of times.
  struct graph {
    const graph_check& of;
    bool has_limited;

    [[nodiscard]] constexpr std::size_t size() const { return of.next_.size(); }
    [[nodiscard]] constexpr std::size_t degree(std::size_t step) const { return of.next_[step].size(); }
    [[nodiscard]] constexpr std::size_t target(std::size_t step, std::size_t k) const {
      return has_limited || !is_limited(step, k) ? of.next_[step][k].to : nowhere;
    }
    [[nodiscard]] constexpr bool is_limited(std::size_t step, std::size_t k) const {
      return detail::is_limited(of.at(of.next_[step][k]));
    }
  };
  static_assert(nowhere == depth_first::nowhere);

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
        broken(rules::transition_is_never_taken, l.transition, "on", w_.steps[step].name);
      }
      last = l.transition;
    }
    if (outcome == on::ok && last != nowhere && !always_holds(w_.transitions[last])) {
      const std::string_view key = w_.transitions[last].when.terms.empty() ? "at_most" : "when";
      broken(rules::conditional_transitions_have_no_fallback, last, key, w_.steps[step].name);
    }
    return last;
  }

  /// Whether every cycle goes through a transition with a limit, and so comes to an end.
  constexpr bool is_finite() {
    const depth_first walk(graph{*this, false});
    for (const auto& e : walk.closing_edges()) {
      const link& l = next_[e.from][e.index];
      broken(rules::transitions_form_a_cycle, l.transition, "to", w_.steps[l.to].name);
    }
    return walk.closing_edges().empty();
  }

  constexpr void check_reach(std::size_t from) {
    step_set reached(next_.size());
    std::vector<std::size_t> to_visit{from};
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
  /// Steps that lead to each other have the same past.
  constexpr void check_produced_keys(const depth_first& walk) {
    std::vector<past> pasts(walk.groups(), past(next_.size()));
    for (std::size_t step = 0; step < next_.size(); ++step) {
      for (const link& l : next_[step]) {
        if (l.to == nowhere || walk.group(l.to) != walk.group(step) || !leaves_output(step, l)) continue;
        pasts[walk.group(step)].add(step, w_.steps[step]);
      }
    }
    for (std::size_t i = walk.order().size(); i-- > 0;) pass_on(walk.order()[i], walk, pasts);
    const input_check<Workflow, Report> inputs(w_, report_);
    for (std::size_t i = 0; i < next_.size(); ++i) inputs.check(i, pasts[walk.group(i)]);
  }

  /// Tells the steps of later groups what comes before them.
  constexpr void pass_on(std::size_t step, const depth_first& walk, std::vector<past>& pasts) const {
    const std::size_t here = walk.group(step);
    for (const link& l : next_[step]) {
      if (l.to == nowhere || walk.group(l.to) == here) continue;
      past& later = pasts[walk.group(l.to)];
      later.add(pasts[here]);
      if (leaves_output(step, l)) later.add(step, w_.steps[step]);
    }
  }

  /// A step that failed leaves no output; a rejection does.
  [[nodiscard]] constexpr bool leaves_output(std::size_t step, const link& by) const {
    return at(by).on == on::ok || is_gate(w_.steps[step].kind);
  }

  const Workflow& w_;
  Report& report_;
  std::vector<links> next_;
};

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
