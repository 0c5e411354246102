// squid_mesh/detail/rules.hpp - the checks of a workflow's parts, written once for declarations, which the compiler
// evaluates, and for definitions that come as data.
//
// `Workflow` is `declaration` or a structure whose parts have the same members. `Report` has a member
// `broken(rule, place, culprit, reason = {})`, which may return or not.
#pragma once

#include <squid_mesh/declaration.hpp>
#include <squid_mesh/detail/condition_rules.hpp>
#include <squid_mesh/detail/cron_expression.hpp>
#include <squid_mesh/detail/dependency_rules.hpp>
#include <squid_mesh/detail/graph_rules.hpp>
#include <squid_mesh/detail/json_path.hpp>
#include <squid_mesh/detail/name_rules.hpp>
#include <squid_mesh/detail/rule.hpp>
#include <squid_mesh/detail/value_kind.hpp>

#include <chrono>
#include <cstddef>
#include <string_view>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

// -- Triggers and their payloads -------------------------------------------------------------------------------------

/// An integer is a fine default for a float.
constexpr bool fits(value_kind kind, type t) {
  switch (t) {
    case type::string:
      return kind == value_kind::string;
    case type::integer:
      return kind == value_kind::integer;
    case type::floating:
      return kind == value_kind::floating || kind == value_kind::integer;
    case type::boolean:
      return kind == value_kind::boolean;
    case type::object:
      return kind == value_kind::object;
    case type::list:
      return kind == value_kind::list;
  }
  return false;
}

/// `kind_of_default` is found by the field's type: each form of a workflow brings its own.
template <class Field, class Report>
constexpr void check_default(const Field& f, const place& where, Report& report) {
  const value_kind kind = kind_of_default(f);
  if (kind == value_kind::none) return;
  const place here{&where, kind == value_kind::today ? "today" : "default"};
  if (f.is_optional) report.broken(rules::optional_field_has_a_default, here, f.name);
  if (f.is_secret) report.broken(rules::secret_field_has_a_default, here, f.name);
  if (kind == value_kind::invalid) {
    report.broken(rules::default_is_not_a_json_value, here, f.name);
  } else if (kind == value_kind::today) {
    if (f.type != type::string) report.broken(rules::today_is_not_the_default_of_a_string, here, f.name);
  } else if (!fits(kind, f.type)) {
    report.broken(rules::default_does_not_match_the_type_of_its_field, here, f.name);
  }
}

template <class Trigger, class Report>
constexpr void check_schedule(const Trigger& t, const place& where, Report& report) {
  if (!t.schedule) return;
  const auto& expression = t.schedule->expression;
  if (const auto parsed = parse_cron(expression); !parsed) {
    const reason why{parsed.error().field, parsed.error().reason};
    report.broken(rules::cron_expression_is_malformed, {&where, "schedule"}, expression, why);
  }
  if (t.schedule->missed_limit < 1) {
    report.broken(rules::cron_missed_limit_is_below_one, {&where, "missed_limit"}, t.name);
  }
  if (!t.timezone.empty() && t.timezone != t.schedule->timezone) {
    report.broken(rules::trigger_and_its_schedule_have_different_time_zones, {&where, "timezone"}, t.timezone);
  }
}

template <class Trigger, class Report>
constexpr void check_trigger(const Trigger& t, const place& where, Report& report) {
  check_name(t.name, {&where, "name"}, report);
  check_schedule(t, where, report);
  for (std::size_t i = 0; i < t.payload.size(); ++i) {
    const place here{&where, "payload", i};
    check_key(t.payload[i].name, {&here, "name"}, report);
    check_default(t.payload[i], here, report);
  }
  check_unique_names(t.payload, rules::payload_field_is_declared_twice, where, "payload", report);
}

// -- Steps -----------------------------------------------------------------------------------------------------------

/// Longer ones would overflow when they are added to an instant, and nobody means them.
inline constexpr milliseconds longest_duration = std::chrono::hours(24 * 36525);

template <class Report>
constexpr void check_duration(milliseconds duration, const place& where, std::string_view culprit, Report& report) {
  if (duration > longest_duration) report.broken(rules::duration_is_longer_than_a_century, where, culprit);
}

template <class Report>
constexpr void check_backoff(const backoff& b, const place& where, std::string_view step_name, Report& report) {
  const milliseconds none{0};
  if (b.min < none) report.broken(rules::retry_backoff_is_negative, {&where, "min_ms"}, step_name);
  if (b.max < b.min) report.broken(rules::retry_backoff_max_is_below_its_min, {&where, "max_ms"}, step_name);
  check_duration(b.max, {&where, "max_ms"}, step_name, report);
  if (!(b.factor >= 1 && b.factor <= 1000)) {
    report.broken(rules::retry_backoff_factor_is_not_in_1_to_1000, {&where, "factor"}, step_name);
  }
  if (!(b.jitter >= 0 && b.jitter <= 1)) {
    report.broken(rules::retry_backoff_jitter_is_not_in_0_to_1, {&where, "jitter"}, step_name);
  }
}

template <class Report>
constexpr void check_retry(const retry_policy& retry, const place& where, std::string_view step_name, Report& report) {
  const place here{&where, "retry"};
  if (retry.max_attempts == retry_policy::unset) {
    if (retry.backoff != backoff{}) report.broken(rules::retry_backoff_lacks_max_attempts, here, step_name);
    return;
  }
  if (retry.max_attempts < 1) {
    report.broken(rules::retry_max_attempts_is_below_one, {&here, "max_attempts"}, step_name);
  }
  check_backoff(retry.backoff, {&here, "backoff"}, step_name, report);
}

template <class Step, class Report>
constexpr void check_inputs(const Step& s, const place& where, Report& report) {
  for (std::size_t i = 0; i < s.input.size(); ++i) {
    const place here{&where, "input", i};
    check_name(s.input[i].name, {&here, "name"}, report);
    check_text(s.input[i].path, {&here, "path"}, report);
    if (!is_json_path(s.input[i].path)) {
      report.broken(rules::input_path_is_malformed, {&here, "path"}, s.input[i].path);
    }
  }
  check_unique_names(s.input, rules::input_is_declared_twice, where, "input", report);
}

/// `Attempts` is a step or a compensation: what is said of its attempts. `name` is the step's.
template <class Attempts, class Report>
constexpr void check_attempts(const Attempts& a, const place& where, std::string_view name, Report& report) {
  check_retry(a.retry, where, name, report);
  if (a.timeout < milliseconds{0}) report.broken(rules::timeout_is_negative, {&where, "timeout_ms"}, name);
  check_duration(a.timeout, {&where, "timeout_ms"}, name, report);
}

template <class Step, class Report>
constexpr void check_action(const Step& s, const place& where, Report& report) {
  check_inputs(s, where, report);
  if (!s.output.empty()) check_key(s.output, {&where, "output"}, report);
  check_attempts(s, where, s.name, report);
  if (!s.compensate) return;
  const place compensate{&where, "compensate"};
  check_attempts(*s.compensate, compensate, s.name, report);
  if (!s.compensatable) {
    report.broken(rules::compensation_of_a_step_that_is_not_compensatable, compensate, s.name);
  }
}

template <class Step, class Report>
constexpr void check_wait_for_somebody(const Step& s, const place& where, Report& report) {
  const place inside{&where, word_of(s.kind)};
  if (s.quorum < 1) report.broken(rules::gate_quorum_is_below_one, {&inside, "quorum"}, s.name);
  if (s.kind == step_kind::await_event) check_name(s.event, {&inside, "name"}, report);
  const place limit{&inside, s.kind == step_kind::await_event ? "timeout_ms" : "expires_in_ms"};
  if (s.expires_in < milliseconds{0}) report.broken(rules::timeout_is_negative, limit, s.name);
  check_duration(s.expires_in, limit, s.name, report);
}

template <class Step, class Report>
constexpr void check_built_in(const Step& s, const place& where, Report& report) {
  const bool has_output = is_gate(s.kind) || s.kind == step_kind::await_event;
  if (!s.input.empty() || s.retry != retry_policy{} || s.timeout != milliseconds{0} || s.transactional ||
      s.irreversible || !s.compensatable || s.compensate || (!s.output.empty() && !has_output)) {
    report.broken(rules::built_in_step_has_options_of_an_action, where, s.name);
  }
  if (has_output) {
    if (!s.output.empty()) check_key(s.output, {&where, "output"}, report);
    if (s.output.empty()) check_plain_key(s.name, {&where, "name"}, report);
    check_wait_for_somebody(s, where, report);
  } else if (s.kind == step_kind::log) {
    const place message{&where, "log.message"};
    if (s.log_message.empty()) report.broken(rules::log_message_is_empty, message, s.name);
    check_text(s.log_message, message, report);
  } else {
    const place duration{&where, "wait.duration_ms"};
    if (s.wait_duration <= milliseconds{0}) report.broken(rules::wait_duration_is_not_positive, duration, s.name);
    check_duration(s.wait_duration, duration, s.name, report);
  }
}

template <class Step, class Report>
constexpr void check_child(const Step& s, const place& where, Report& report) {
  const place inside{&where, "child"};
  check_name(s.child.workflow, {&inside, "workflow"}, report);
  if (!s.child.trigger.empty()) check_name(s.child.trigger, {&inside, "trigger"}, report);
  if (s.transactional) report.broken(rules::built_in_step_has_options_of_an_action, where, s.name);
}

template <class Step, class Report>
constexpr void check_for_each(const Step& s, const place& where, Report& report) {
  const place inside{&where, "for_each"};
  check_text(s.for_each.list, {&inside, "list"}, report);
  if (!is_json_path(s.for_each.list)) {
    report.broken(rules::for_each_list_is_malformed, {&inside, "list"}, s.for_each.list);
  }
  if (s.for_each.parallel < 1 || s.for_each.parallel > 1000) {
    report.broken(rules::for_each_parallel_is_not_in_1_to_1000, {&inside, "parallel"}, s.name);
  }
  const bool tolerates = s.for_each.on_failure == on_element_failure::tolerate;
  if (!(s.for_each.tolerated >= 0 && s.for_each.tolerated <= 1) || (!tolerates && s.for_each.tolerated != 0)) {
    report.broken(rules::for_each_tolerated_is_not_in_0_to_1, {&inside, "tolerated"}, s.name);
  }
  if (s.output.empty()) report.broken(rules::for_each_has_no_output, {&where, "output"}, s.name);
  for (std::size_t i = 0; i < s.input.size(); ++i) {
    const place input{&where, "input", i};
    const bool covers = s.input[i].name == element_item || s.input[i].name == element_index;
    if (covers) report.broken(rules::for_each_input_covers_the_element, {&input, "name"}, s.input[i].name);
  }
  if (s.transactional) report.broken(rules::built_in_step_has_options_of_an_action, where, s.name);
}

template <class Step, class Report>
constexpr void check_step(const Step& s, const place& where, Report& report) {
  const place name{&where, "name"};
  check_name(s.name, name, report);
  if (s.name == complete) report.broken(rules::step_is_named_like_the_end_of_a_run, name, s.name);
  if (s.name.ends_with(compensation_suffix)) report.broken(rules::step_is_named_like_a_compensation, name, s.name);
  if (!s.queue.empty()) {
    check_name(s.queue, {&where, "queue"}, report);
    if (!needs_worker(s.kind)) report.broken(rules::queue_is_only_an_actions_or_a_logs, {&where, "queue"}, s.name);
  }
  if (has_attempts(s.kind)) {
    check_action(s, where, report);
    if (s.kind == step_kind::child) check_child(s, where, report);
    if (s.kind == step_kind::for_each) check_for_each(s, where, report);
  } else {
    check_built_in(s, where, report);
  }
}

// -- Transitions -----------------------------------------------------------------------------------------------------

template <class Transition, class Report>
constexpr void check_transition(const Transition& t, const place& where, Report& report) {
  if (t.at_most < 0) report.broken(rules::transition_limit_is_negative, {&where, "at_most"}, t.from);
  if (t.recovery != recovery::none && t.on == on::ok) {
    report.broken(rules::recovery_follows_no_failure, {&where, "recovery"}, t.from);
  }
  if (t.recovery != recovery::none && t.to == complete) {
    report.broken(rules::recovery_leads_to_no_step, {&where, "recovery"}, t.from);
  }
  condition_check(t.when, t.from, report).run({&where, "when"});
}

// -- The whole -------------------------------------------------------------------------------------------------------

/// What a cron trigger puts into the context must not be covered.
template <class Workflow, class Report>
constexpr void check_schedule_key(const Workflow& w, Report& report) {
  const place root{};
  bool has_cron = false;
  for (const auto& t : w.triggers) has_cron = has_cron || t.schedule;
  if (!has_cron) return;
  const auto& broken = rules::schedule_is_the_key_of_the_cron_tick;
  for (std::size_t i = 0; i < w.triggers.size(); ++i) {
    const place trigger{&root, "triggers", i};
    for (std::size_t k = 0; k < w.triggers[i].payload.size(); ++k) {
      if (w.triggers[i].payload[k].name == schedule_key) {
        const place field{&trigger, "payload", k};
        report.broken(broken, {&field, "name"}, schedule_key);
      }
    }
  }
  for (std::size_t i = 0; i < w.steps.size(); ++i) {
    if (output_key(w.steps[i]) != schedule_key) continue;
    const place step{&root, "steps", i};
    report.broken(broken, {&step, output_key_source(w.steps[i])}, schedule_key);
  }
}

/// Branches over lists are called after their steps.
template <class Workflow, class Report>
constexpr void check_lane_names(const Workflow& w, Report& report) {
  name_index over_lists;
  for (const auto& s : w.steps) {
    if (s.kind == step_kind::for_each) over_lists.add(s.name);
  }
  const place root{};
  for (std::size_t i = 0; i < w.steps.size(); ++i) {
    const std::string_view name = w.steps[i].name;
    const std::size_t end = name.find_last_of(lane_separator);
    if (end == std::string_view::npos || over_lists.find(name.substr(0, end)) == name_index::none) continue;
    const place step{&root, "steps", i};
    report.broken(rules::step_is_named_like_a_lane, {&step, "name"}, name);
  }
}

template <class Workflow, class Report>
constexpr void check(const Workflow& w, Report&& report) {
  const place root{};
  check_name(w.name, {&root, "name"}, report);
  check_text(w.version, {&root, "version"}, report);
  if (!w.queue.empty()) check_name(w.queue, {&root, "queue"}, report);

  if (w.triggers.empty()) report.broken(rules::workflow_has_no_trigger, {&root, "triggers"}, w.name);
  for (std::size_t i = 0; i < w.triggers.size(); ++i) check_trigger(w.triggers[i], {&root, "triggers", i}, report);
  check_unique_names(w.triggers, rules::trigger_is_declared_twice, root, "triggers", report);

  if (w.steps.empty()) report.broken(rules::workflow_has_no_step, {&root, "steps"}, w.name);
  for (std::size_t i = 0; i < w.steps.size(); ++i) check_step(w.steps[i], {&root, "steps", i}, report);
  check_unique_names(w.steps, rules::step_is_declared_twice, root, "steps", report);

  for (std::size_t i = 0; i < w.transitions.size(); ++i) {
    check_transition(w.transitions[i], {&root, "transitions", i}, report);
  }
  check_schedule_key(w, report);
  check_lane_names(w, report);

  if (has_dependencies(w)) {
    dependency_check(w, report).run();
  } else {
    graph_check(w, report).run();
  }
}

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
