// squid_mesh/detail/dependency_rules.hpp - the checks of workflows whose steps say which others they wait for.
#pragma once

#include <squid_mesh/declaration.hpp>
#include <squid_mesh/detail/depth_first.hpp>
#include <squid_mesh/detail/input_rules.hpp>
#include <squid_mesh/detail/name_index.hpp>
#include <squid_mesh/detail/rule.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

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
    if (!resolve()) return;
    const depth_first walk(waits{before_});
    for (const auto& e : walk.closing_edges()) broken(rules::dependencies_form_a_cycle, e.from, e.index);
    if (walk.closing_edges().empty()) check_keys(walk.order());
  }

 private:
  /// By step: those that it waits for.
  using lists = std::vector<std::vector<std::size_t>>;

  /// The graph of what waits for what.
  struct waits {
    const lists& before;

    [[nodiscard]] constexpr std::size_t size() const { return before.size(); }
    [[nodiscard]] constexpr std::size_t degree(std::size_t step) const { return before[step].size(); }
    [[nodiscard]] constexpr std::size_t target(std::size_t step, std::size_t k) const { return before[step][k]; }
  };

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

  constexpr void check_keys(const std::vector<std::size_t>& first_to_last) {
    std::vector<past> pasts(before_.size(), past(before_.size()));
    for (const std::size_t step : first_to_last) {
      for (const std::size_t earlier : before_[step]) {
        pasts[step].add(pasts[earlier]);
        pasts[step].add(earlier, w_.steps[earlier]);
      }
    }
    const input_check<Workflow, Report> inputs(w_, report_);
    for (std::size_t i = 0; i < pasts.size(); ++i) inputs.check(i, pasts[i]);
    check_parallel_outputs(pasts);
  }

  constexpr void check_parallel_outputs(const std::vector<past>& pasts) {
    name_index keys;
    for (std::size_t i = 0; i < pasts.size(); ++i) {
      const auto& step = w_.steps[i];
      const std::string_view key = output_key(step);
      keys.add(key);
      if (key.empty()) continue;
      std::size_t other = keys.find(key);
      while (other != i && (pasts[i].succeeded.contains(other) || pasts[other].succeeded.contains(i))) {
        other = keys.next(other);
      }
      if (other == i) continue;
      const place root{};
      const place here{&root, "steps", i};
      report_.broken(rules::parallel_steps_write_the_same_key, {&here, output_key_source(step)}, key);
    }
  }

  const Workflow& w_;
  Report& report_;
  lists before_;
};

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
