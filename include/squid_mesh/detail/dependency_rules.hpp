// squid_mesh/detail/dependency_rules.hpp - the checks of workflows whose steps say which others they wait for.
#pragma once

#include <squid_mesh/declaration.hpp>
#include <squid_mesh/detail/input_rules.hpp>
#include <squid_mesh/detail/name_index.hpp>
#include <squid_mesh/detail/rule.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

namespace squid_mesh::detail {

template <class Workflow>
constexpr bool has_dependencies(const Workflow& w) {
  for (const auto& s : w.steps) {
    if (!s.after.empty()) return true;
  }
  return false;
}

/// See rules.hpp for what `Workflow` and `Report` are.
template <class Workflow, class Report>
class dependency_check {
 public:
  constexpr dependency_check(const Workflow& checked, Report& told) : w_(checked), report_(told) {}

  constexpr void run() {
    if (!w_.transitions.empty()) {
      const place root{};
      report_.broken(rules::transitions_and_dependencies_are_mixed, {&root, "transitions", 0}, w_.transitions[0].from);
      return;
    }
    if (!resolve() || !sort()) return;
    check_keys();
  }

 private:
  enum class visit : char { none, begun, done };

  constexpr void broken(const rule& which, std::size_t step, std::size_t name) {
    const place root{};
    const place here{&root, "steps", step};
    report_.broken(which, {&here, "after", name}, w_.steps[step].after[name]);
  }

  constexpr bool resolve() {
    bool good = true;
    name_index steps;
    for (const auto& s : w_.steps) steps.add(s.name);
    before_.resize(w_.steps.size());
    for (std::size_t i = 0; i < w_.steps.size(); ++i) {
      name_index named;
      const auto& after = w_.steps[i].after;
      for (std::size_t k = 0; k < after.size(); ++k) {
        const std::size_t found = steps.find(after[k]);
        const bool is_known = found != name_index::none;
        const bool is_double = named.find(after[k]) != name_index::none;
        if (!is_known) broken(rules::after_names_a_step_that_is_not_declared, i, k);
        if (is_double) broken(rules::after_names_a_step_twice, i, k);
        good = good && is_known && !is_double;
        if (is_known) before_[i].push_back(found);
        named.add(after[k]);
      }
    }
    return good;
  }

  /// Puts the steps into an order in which each comes after those that it waits for; false where there is none.
  constexpr bool sort() {
    visits_.assign(before_.size(), visit::none);
    for (std::size_t i = 0; i < before_.size(); ++i) visit_from(i);
    return acyclic_;
  }

  constexpr void visit_from(std::size_t step) {
    if (visits_[step] != visit::none) return;
    visits_[step] = visit::begun;
    for (std::size_t k = 0; k < before_[step].size(); ++k) {
      if (visits_[before_[step][k]] == visit::begun) {
        broken(rules::dependencies_form_a_cycle, step, k);
        acyclic_ = false;
      }
      visit_from(before_[step][k]);
    }
    visits_[step] = visit::done;
    first_to_last_.push_back(step);
  }

  constexpr void check_keys() {
    std::vector<past> pasts(before_.size(), past(before_.size()));
    for (const std::size_t step : first_to_last_) {
      for (const std::size_t earlier : before_[step]) {
        pasts[step].follows(pasts[earlier], earlier, w_.steps[earlier], true);
      }
    }
    const input_check<Workflow, Report> inputs(w_, report_);
    for (std::size_t i = 0; i < pasts.size(); ++i) inputs.check(i, pasts[i]);
    check_parallel_outputs(pasts);
  }

  constexpr void check_parallel_outputs(const std::vector<past>& pasts) {
    name_index keys;
    for (std::size_t i = 0; i < pasts.size(); ++i) {
      const std::string_view key = output_key(w_.steps[i]);
      keys.add(key);
      if (key.empty()) continue;
      for (std::size_t k = keys.find(key); k != i; k = keys.find(key, k + 1)) {
        if (pasts[i].succeeded.contains(k) || pasts[k].succeeded.contains(i)) continue;
        const place root{};
        const place here{&root, "steps", i};
        report_.broken(rules::parallel_steps_write_the_same_key, {&here, "output"}, key);
      }
    }
  }

  const Workflow& w_;
  Report& report_;
  std::vector<std::vector<std::size_t>> before_;  ///< by step: those that it waits for
  std::vector<visit> visits_;
  std::vector<std::size_t> first_to_last_;
  bool acyclic_ = true;
};

}  // namespace squid_mesh::detail
