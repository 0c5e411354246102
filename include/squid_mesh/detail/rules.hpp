// squid_mesh/detail/rules.hpp - the checks of a workflow's parts, written once for declarations, which the compiler
// evaluates, and for definitions that come as data.
//
// `Workflow` is `declaration` or a structure whose parts have the same members. `Report` has a member
// `broken(rule, place, culprit, reason = {})`, which may return or not.
#pragma once

#include <squid_mesh/declaration.hpp>
#include <squid_mesh/detail/cron_expression.hpp>
#include <squid_mesh/detail/dependency_rules.hpp>
#include <squid_mesh/detail/graph_rules.hpp>
#include <squid_mesh/detail/json_path.hpp>
#include <squid_mesh/detail/json_text.hpp>
#include <squid_mesh/detail/name_index.hpp>
#include <squid_mesh/detail/rule.hpp>
#include <squid_mesh/detail/text.hpp>

#include <chrono>
#include <cstddef>
#include <limits>
#include <string_view>

namespace squid_mesh::detail {

// -- Texts and names -------------------------------------------------------------------------------------------------

template <class Report>
constexpr void check_text(std::string_view text, const place& where, Report& report) {
  if (!is_utf8(text)) report.broken(rules::text_is_not_utf8, where, text);
}

template <class Report>
constexpr void check_name(std::string_view name, const place& where, Report& report) {
  if (name.empty()) report.broken(rules::name_is_empty, where, name);
  if (name.size() > 127) report.broken(rules::name_is_longer_than_127_bytes, where, name);
  if (is_printable_ascii(name)) return;
  if (has_control_character(name)) report.broken(rules::name_has_a_control_character, where, name);
  check_text(name, where, report);
}

/// A key of the context, which an input's path must be able to name.
template <class Report>
constexpr void check_key(std::string_view key, const place& where, Report& report) {
  check_name(key, where, report);
  if (!is_plain_key(key)) report.broken(rules::key_has_a_dot_or_a_bracket, where, key);
}

template <class List, class Report>
constexpr void check_unique_names(const List& list, const rule& broken, const place& parent, std::string_view key,
                                  Report& report) {
  name_index names;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string_view name = list[i].name;
    if (names.find(name) != name_index::none) {
      const place element{&parent, key, i};
      report.broken(broken, {&element, "name"}, name);
    }
    names.add(name);
  }
}

// -- Triggers and their payloads -------------------------------------------------------------------------------------

/// What the default of a payload field is. `invalid` is what JSON can't say: a malformed text, an infinite number.
enum class default_kind { none, today, string, integer, floating, boolean, object, list, invalid };

constexpr default_kind kind_of_json_text(std::string_view text) {
  if (!is_json_text(text)) return default_kind::invalid;
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (text[start] == '{') return default_kind::object;
  if (text[start] == '[') return default_kind::list;
  if (text[start] == '"') return default_kind::string;
  if (text[start] == 't' || text[start] == 'f') return default_kind::boolean;
  if (text[start] == 'n') return default_kind::invalid;
  return text.find_first_of(".eE") == std::string_view::npos ? default_kind::integer : default_kind::floating;
}

constexpr default_kind kind_of_number(double number) {
  constexpr double largest = std::numeric_limits<double>::max();
  return number >= -largest && number <= largest ? default_kind::floating : default_kind::invalid;
}

constexpr default_kind kind_of_default(const field& f) {
  switch (f.fallback.is) {
    case field_default::kind::none:
      return default_kind::none;
    case field_default::kind::today:
      return default_kind::today;
    case field_default::kind::string:
      return is_utf8(f.fallback.text) ? default_kind::string : default_kind::invalid;
    case field_default::kind::integer:
      return default_kind::integer;
    case field_default::kind::floating:
      return kind_of_number(f.fallback.floating);
    case field_default::kind::boolean:
      return default_kind::boolean;
    case field_default::kind::json_text:
      return kind_of_json_text(f.fallback.text);
  }
  return default_kind::invalid;
}

/// An integer is a fine default for a float.
constexpr bool fits(default_kind kind, type t) {
  switch (t) {
    case type::string:
      return kind == default_kind::string;
    case type::integer:
      return kind == default_kind::integer;
    case type::floating:
      return kind == default_kind::floating || kind == default_kind::integer;
    case type::boolean:
      return kind == default_kind::boolean;
    case type::object:
      return kind == default_kind::object;
    case type::list:
      return kind == default_kind::list;
  }
  return false;
}

/// `kind_of_default` is found by the field's type: each form of a workflow brings its own.
template <class Field, class Report>
constexpr void check_default(const Field& f, const place& where, Report& report) {
  const default_kind kind = kind_of_default(f);
  if (kind == default_kind::none) return;
  const place here{&where, kind == default_kind::today ? "today" : "default"};
  if (f.is_optional) report.broken(rules::optional_field_has_a_default, here, f.name);
  if (f.is_secret) report.broken(rules::secret_field_has_a_default, here, f.name);
  if (kind == default_kind::invalid) {
    report.broken(rules::default_is_not_a_json_value, here, f.name);
  } else if (kind == default_kind::today) {
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

template <class Step, class Report>
constexpr void check_action(const Step& s, const place& where, Report& report) {
  check_inputs(s, where, report);
  if (!s.output.empty()) check_key(s.output, {&where, "output"}, report);
  check_retry(s.retry, where, s.name, report);
  if (s.timeout < milliseconds{0}) report.broken(rules::timeout_is_negative, {&where, "timeout_ms"}, s.name);
  check_duration(s.timeout, {&where, "timeout_ms"}, s.name, report);
}

/// The key of JSON under which such a step says what it waits for.
constexpr std::string_view kind_word(step_kind kind) {
  if (kind == step_kind::pause) return "pause";
  return kind == step_kind::approval ? "approval" : "await_event";
}

template <class Step, class Report>
constexpr void check_wait_for_somebody(const Step& s, const place& where, Report& report) {
  const place inside{&where, kind_word(s.kind)};
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
      (!s.output.empty() && !has_output)) {
    report.broken(rules::built_in_step_has_options_of_an_action, where, s.name);
  }
  if (has_output) {
    if (!s.output.empty()) check_key(s.output, {&where, "output"}, report);
    if (s.output.empty()) check_key(s.name, {&where, "name"}, report);
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
constexpr void check_step(const Step& s, const place& where, Report& report) {
  const place name{&where, "name"};
  check_name(s.name, name, report);
  if (s.name == complete) report.broken(rules::step_is_named_like_the_end_of_a_run, name, s.name);
  if (!s.queue.empty()) {
    check_name(s.queue, {&where, "queue"}, report);
    if (!needs_worker(s.kind)) report.broken(rules::queue_is_only_an_actions_or_a_logs, {&where, "queue"}, s.name);
  }
  if (s.kind == step_kind::action) {
    check_action(s, where, report);
  } else {
    check_built_in(s, where, report);
  }
}

// -- Conditions ------------------------------------------------------------------------------------------------------

constexpr default_kind kind_of_operand(const condition_term& term) {
  const operand& value = term.value;
  switch (value.is) {
    case operand::kind::string:
      return is_utf8(value.text) ? default_kind::string : default_kind::invalid;
    case operand::kind::integer:
      return default_kind::integer;
    case operand::kind::floating:
      return kind_of_number(value.floating);
    case operand::kind::boolean:
      return default_kind::boolean;
  }
  return default_kind::invalid;
}

constexpr bool has_order(default_kind kind) {
  return kind == default_kind::string || kind == default_kind::integer || kind == default_kind::floating;
}

/// `kind_of_operand` is found by the term's type: each form of a workflow brings its own.
template <class Condition, class Report>
constexpr void check_condition(const Condition& when, const place& where, std::string_view culprit, Report& report) {
  for (const auto& term : when.terms) {
    if (has_path(term.is)) {
      check_text(term.path, where, report);
      if (!is_json_path(term.path)) report.broken(rules::condition_path_is_malformed, where, term.path);
    }
    if (combines(term.is) && term.operands == 0) report.broken(rules::condition_has_nothing_to_combine, where, culprit);
    if (!has_value(term.is)) continue;
    const default_kind kind = kind_of_operand(term);
    const bool is_ordering = term.is == term_kind::greater_than || term.is == term_kind::less_than;
    if (kind == default_kind::invalid) report.broken(rules::condition_value_is_not_a_json_value, where, culprit);
    if (is_ordering && kind != default_kind::invalid && !has_order(kind)) {
      report.broken(rules::condition_compares_what_has_no_order, where, culprit);
    }
  }
}

template <class Transition, class Report>
constexpr void check_transition(const Transition& t, const place& where, Report& report) {
  if (t.at_most < 0) report.broken(rules::transition_limit_is_negative, {&where, "at_most"}, t.from);
  check_condition(t.when, {&where, "when"}, t.from, report);
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
      if (w.triggers[i].payload[k].name == schedule_key) report.broken(broken, {&trigger, "payload", k}, schedule_key);
    }
  }
  for (std::size_t i = 0; i < w.steps.size(); ++i) {
    if (output_key(w.steps[i]) == schedule_key) report.broken(broken, {&root, "steps", i}, w.steps[i].name);
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

  if (has_dependencies(w)) {
    dependency_check(w, report).run();
  } else {
    graph_check(w, report).run();
  }
}

}  // namespace squid_mesh::detail
