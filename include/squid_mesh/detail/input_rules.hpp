// squid_mesh/detail/input_rules.hpp - the check of what steps read: can it be there?
#pragma once

#include <squid_mesh/declaration.hpp>
#include <squid_mesh/detail/json_path.hpp>
#include <squid_mesh/detail/name_index.hpp>
#include <squid_mesh/detail/rule.hpp>
#include <squid_mesh/detail/step_set.hpp>

#include <cstddef>
#include <string_view>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

/// The key of the context that says when a cron tick fired.
inline constexpr std::string_view schedule_key = "schedule";

/// What an action over a list reads beside its declared input.
inline constexpr std::string_view element_item = "item";
inline constexpr std::string_view element_index = "index";

/// Between the name of a step over a list and the number of one of its branches.
inline constexpr char lane_separator = '#';

/// The context key under which a step's output goes; empty where its keys are merged into the context.
template <class Step>
constexpr std::string_view output_key(const Step& s) {
  const bool is_waiting_for_somebody = is_gate(s.kind) || s.kind == step_kind::await_event;
  return s.output.empty() && is_waiting_for_somebody ? std::string_view(s.name) : std::string_view(s.output);
}

/// Where a step's output key comes from.
template <class Step>
constexpr std::string_view output_key_source(const Step& s) {
  return s.output.empty() ? "name" : "output";
}

/// What may have happened before a step.
struct past {
  step_set succeeded;
  /// Whether one of these has an output of its own and names no key for it: it may produce any keys, known only when it
  /// runs.
  bool any_keys = false;

  explicit constexpr past(std::size_t steps) : succeeded(steps) {}

  template <class Step>
  constexpr void add(std::size_t step, const Step& declared) {
    succeeded.insert(step);
    any_keys = any_keys || (has_attempts(declared.kind) && declared.output.empty());
  }
  constexpr void add(const past& earlier) {
    succeeded.insert(earlier.succeeded);
    any_keys = any_keys || earlier.any_keys;
  }
};

/// See rules.hpp for what `Workflow` and `Report` are.
template <class Workflow, class Report>
class input_check {
 public:
  constexpr input_check(const Workflow& checked, Report& told) : w_(checked), report_(told) {
    for (const auto& t : w_.triggers) {
      for (const auto& f : t.payload) payload_keys_.add(f.name);
      if (t.schedule) payload_keys_.add(schedule_key);
    }
    for (const auto& s : w_.steps) outputs_.add(output_key(s));
  }

  /// Checks what a step reads of what may have happened before it.
  constexpr void check(std::size_t step, const past& before) const {
    if (before.any_keys) return;
    const place root{};
    const place here{&root, "steps", step};
    const auto& input = w_.steps[step].input;
    for (std::size_t i = 0; i < input.size(); ++i) {
      const place binding{&here, "input", i};
      check_path(input[i].path, {&binding, "path"}, before);
    }
    if (w_.steps[step].kind != step_kind::for_each) return;
    const place inside{&here, "for_each"};
    check_path(w_.steps[step].for_each.list, {&inside, "list"}, before);
  }

 private:
  constexpr void check_path(std::string_view path, const place& where, const past& before) const {
    const std::string_view key = json_path_head(path);
    if (key.empty()) return;  // Malformed, which has been reported.
    if (is_produced(key, before.succeeded) || payload_keys_.find(key) != name_index::none) return;
    report_.broken(rules::input_reads_a_key_that_nothing_before_it_produces, where, key);
  }

  [[nodiscard]] constexpr bool is_produced(std::string_view key, const step_set& succeeded) const {
    for (std::size_t i = outputs_.find(key); i != name_index::none; i = outputs_.next(i)) {
      if (succeeded.contains(i)) return true;
    }
    return false;
  }

  const Workflow& w_;
  Report& report_;
  name_index payload_keys_;
  name_index outputs_;  ///< by step
};

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
