// squid_mesh/detail/graph_rules.hpp - the checks of how a workflow's steps are connected, and of what its steps read.
#pragma once

#include <squid_mesh/declaration.hpp>
#include <squid_mesh/detail/json_path.hpp>
#include <squid_mesh/detail/name_index.hpp>
#include <squid_mesh/detail/rule.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace squid_mesh::detail {

/// Some of a workflow's steps, by their indexes.
class step_set {
 public:
  explicit constexpr step_set(std::size_t steps) : words_((steps + 63) / 64) {}

  constexpr void insert(std::size_t step) { words_[step / 64] |= std::uint64_t{1} << step % 64; }
  constexpr void insert(const step_set& others) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= others.words_[i];
  }
  [[nodiscard]] constexpr bool contains(std::size_t step) const { return (words_[step / 64] >> step % 64 & 1U) != 0; }

 private:
  std::vector<std::uint64_t> words_;
};

/// See rules.hpp for what `Workflow` and `Report` are.
template <class Workflow, class Report>
class graph_check {
 public:
  constexpr graph_check(const Workflow& checked, Report& told) : w_(checked), report_(told) {}

  constexpr void run() {
    // Each rule speaks of a graph that keeps the rules before: one mistake is one problem.
    if (!resolve()) return;
    check_ok_transitions();
    if (!sort()) return;
    check_entry();
    check_produced_keys();
  }

 private:
  static constexpr std::size_t nowhere = name_index::none;

  /// A transition as indexes.
  struct link {
    std::size_t transition = nowhere;  ///< `nowhere`: there is no such transition
    std::size_t to = nowhere;          ///< `nowhere`: the end of the run
  };
  /// The links of a step, by outcome.
  using links = std::array<link, 2>;

  enum class visit : char { none, begun, done };

  constexpr void broken(const rule& which, std::size_t transition, std::string_view key, std::string_view culprit) {
    const place root{};
    const place here{&root, "transitions", transition};
    report_.broken(which, {&here, key}, culprit);
  }

  constexpr void broken_step(const rule& which, std::size_t step) {
    const place root{};
    report_.broken(which, {&root, "steps", step}, w_.steps[step].name);
  }

  /// Whether every transition is between declared steps and the only one of its step and outcome.
  constexpr bool resolve() {
    bool good = true;
    name_index steps;
    for (const auto& s : w_.steps) steps.add(s.name);
    next_.resize(w_.steps.size());
    for (std::size_t i = 0; i < w_.transitions.size(); ++i) {
      const auto& t = w_.transitions[i];
      const std::size_t from = steps.find(t.from);
      const std::size_t to = t.to == complete ? nowhere : steps.find(t.to);
      if (from == nowhere) broken(rules::transition_leaves_a_step_that_is_not_declared, i, "from", t.from);
      if (to == nowhere && t.to != complete) {
        broken(rules::transition_targets_a_step_that_is_not_declared, i, "to", t.to);
        good = false;
      }
      if (from == nowhere) {
        good = false;
        continue;
      }
      link& known = next_[from][static_cast<std::size_t>(t.on)];
      if (known.transition != nowhere) {
        broken(rules::transition_is_declared_twice, i, "on", t.from);
        good = false;
      }
      known = {.transition = i, .to = to};
    }
    return good;
  }

  constexpr void check_ok_transitions() {
    for (std::size_t i = 0; i < next_.size(); ++i) {
      if (next_[i][static_cast<std::size_t>(on::ok)].transition == nowhere) {
        broken_step(rules::step_has_no_transition_on_ok, i);
      }
    }
  }

  /// Puts the steps into an order in which transitions lead backwards only; false where there is a cycle.
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
      if (l.to == nowhere) continue;
      if (visits_[l.to] == visit::begun) {
        broken(rules::transitions_form_a_cycle, l.transition, "to", w_.steps[l.to].name);
        acyclic_ = false;
      }
      visit_from(l.to);
    }
    visits_[step] = visit::done;
    last_to_first_.push_back(step);
  }

  /// Without cycles every step can be reached from one to which no transition leads: there must be one such step.
  constexpr void check_entry() {
    step_set targets(next_.size());
    for (const links& out : next_) {
      for (const link& l : out) {
        if (l.to != nowhere) targets.insert(l.to);
      }
    }
    bool has_entry = false;
    for (std::size_t i = 0; i < next_.size(); ++i) {
      if (targets.contains(i)) continue;
      if (has_entry) broken_step(rules::step_is_not_reachable, i);
      has_entry = true;
    }
  }

  /// What may have happened before a step.
  struct past {
    step_set succeeded;
    /// Whether one of these is an action that names no output: it may produce any keys, known only when it runs.
    bool any_keys = false;
  };

  /// Whether each key that a step reads can be there: from a payload, or from a step that may have succeeded before.
  constexpr void check_produced_keys() {
    for (const auto& t : w_.triggers) {
      for (const auto& f : t.payload) payload_keys_.add(f.name);
    }
    for (const auto& s : w_.steps) outputs_.add(s.output);
    std::vector<past> pasts(next_.size(), past{.succeeded = step_set(next_.size())});
    for (std::size_t i = last_to_first_.size(); i-- > 0;) {
      const std::size_t step = last_to_first_[i];
      check_inputs_of(step, pasts[step]);
      pass_on(step, pasts);
    }
  }

  constexpr void pass_on(std::size_t step, std::vector<past>& pasts) const {
    for (const on outcome : {on::ok, on::error}) {
      const std::size_t to = next_[step][static_cast<std::size_t>(outcome)].to;
      if (to == nowhere) continue;
      pasts[to].succeeded.insert(pasts[step].succeeded);
      if (pasts[step].any_keys) pasts[to].any_keys = true;
      if (outcome == on::error) continue;  // A step that failed leaves no output.
      pasts[to].succeeded.insert(step);
      if (w_.steps[step].kind == step_kind::action && w_.steps[step].output.empty()) pasts[to].any_keys = true;
    }
  }

  constexpr void check_inputs_of(std::size_t step, const past& before) {
    if (before.any_keys) return;
    const auto& input = w_.steps[step].input;
    for (std::size_t i = 0; i < input.size(); ++i) {
      const std::string_view key = json_path_head(input[i].path);
      if (key.empty()) continue;  // Malformed, which has been reported.
      if (is_produced(key, before.succeeded) || payload_keys_.find(key) != name_index::none) continue;
      const place root{};
      const place here{&root, "steps", step};
      const place binding{&here, "input", i};
      report_.broken(rules::input_reads_a_key_that_nothing_before_it_produces, {&binding, "path"}, key);
    }
  }

  [[nodiscard]] constexpr bool is_produced(std::string_view key, const step_set& succeeded) const {
    for (std::size_t i = outputs_.find(key); i != name_index::none; i = outputs_.find(key, i + 1)) {
      if (succeeded.contains(i)) return true;
    }
    return false;
  }

  const Workflow& w_;
  Report& report_;
  std::vector<links> next_;
  std::vector<visit> visits_;
  std::vector<std::size_t> last_to_first_;
  bool acyclic_ = true;
  name_index payload_keys_;
  name_index outputs_;  ///< by step
};

}  // namespace squid_mesh::detail
