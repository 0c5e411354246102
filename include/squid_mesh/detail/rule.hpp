// squid_mesh/detail/rule.hpp - the names of the rules that workflows keep, and how a broken one is told.
#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string_view>

// Every rule: its stable name, which is the compiler's diagnostic and `problem::rule`, and its message at run time.
// A macro, because only a macro makes a function and a text of one name.
// NOLINTBEGIN(cppcoreguidelines-macro-usage)
// clang-format off
#define SQUID_MESH_RULES(RULE)                                                                                         \
  RULE(text_is_not_utf8, "a text must be UTF-8")                                                                       \
  RULE(name_is_empty, "a name must not be empty")                                                                      \
  RULE(name_is_longer_than_127_bytes, "a name has at most 127 bytes")                                                  \
  RULE(name_has_a_control_character, "a name must not have control characters")                                        \
  RULE(key_has_a_dot_or_a_bracket, "dots and brackets are the syntax of paths and can't be in a key")                  \
  RULE(workflow_has_no_trigger, "a workflow needs at least one trigger")                                               \
  RULE(trigger_is_declared_twice, "two triggers have the same name")                                                   \
  RULE(cron_expression_is_malformed, "the schedule is not a cron expression")                                          \
  RULE(cron_missed_limit_is_below_one, "at least one missed tick is run")                                              \
  RULE(trigger_and_its_schedule_have_different_time_zones, "a cron trigger's time zone is that of its schedule")       \
  RULE(payload_field_is_declared_twice, "two fields of the payload have the same name")                                \
  RULE(default_is_not_a_json_value, "the default is not a JSON value")                                                 \
  RULE(default_does_not_match_the_type_of_its_field, "the default is not of the field's type")                         \
  RULE(today_is_not_the_default_of_a_string, "only a string can default to today's date")                              \
  RULE(optional_field_has_a_default, "a field with a default is never left out: it can't be optional")                 \
  RULE(secret_field_has_a_default, "a secret's default would be stored and shown with the definition")                 \
  RULE(workflow_has_no_step, "a workflow needs at least one step")                                                     \
  RULE(step_is_declared_twice, "two steps have the same name")                                                         \
  RULE(step_is_named_like_the_end_of_a_run, "the name is that of the end of a run, and no step's")                     \
  RULE(step_is_named_like_a_compensation, "names that end in .compensate are those of compensations")                  \
  RULE(compensation_of_a_step_that_is_not_compensatable, "the step says that nothing makes good what it does")         \
  RULE(for_each_list_is_malformed, "the path is not of the form key.key[0].key")                                       \
  RULE(for_each_parallel_is_not_in_1_to_1000, "1 to 1,000 elements are worked on at the same time")                    \
  RULE(for_each_tolerated_is_not_in_0_to_1, "the tolerated share is between 0 and 1, and only with tolerate")          \
  RULE(for_each_has_no_output, "the list of the results needs a key of the context: output")                           \
  RULE(for_each_input_covers_the_element, "item and index are the element's")                                          \
  RULE(step_is_named_like_a_lane, "NAME#NUMBER is what the branches of the step over a list are called")               \
  RULE(log_message_is_empty, "a log step needs a message")                                                             \
  RULE(wait_duration_is_not_positive, "a wait must be longer than zero")                                               \
  RULE(built_in_step_has_options_of_an_action, "only an action has all options")                                       \
  RULE(gate_quorum_is_below_one, "at least one person has to approve")                                                 \
  RULE(queue_is_only_an_actions_or_a_logs, "only an action or a log needs a worker of a queue")                        \
  RULE(timeout_is_negative, "a timeout must not be negative")                                                          \
  RULE(duration_is_longer_than_a_century, "a duration is at most a hundred years")                                     \
  RULE(retry_max_attempts_is_below_one, "there is at least one attempt")                                               \
  RULE(retry_backoff_lacks_max_attempts, "a backoff does nothing without max_attempts")                                \
  RULE(retry_backoff_is_negative, "a backoff must not be negative")                                                    \
  RULE(retry_backoff_max_is_below_its_min, "a backoff's max is at least its min")                                      \
  RULE(retry_backoff_factor_is_not_in_1_to_1000, "a backoff's factor is between 1 and 1000")                           \
  RULE(retry_backoff_jitter_is_not_in_0_to_1, "a backoff's jitter is between 0 and 1")                                 \
  RULE(input_is_declared_twice, "two inputs of the step have the same name")                                           \
  RULE(input_path_is_malformed, "the path is not of the form key.key[0].key")                                          \
  RULE(input_reads_a_key_that_nothing_before_it_produces, "no payload and no step before this one has the key")        \
  RULE(transition_leaves_a_step_that_is_not_declared, "no step has the name")                                          \
  RULE(transition_targets_a_step_that_is_not_declared, "no step has the name")                                         \
  RULE(transition_is_never_taken, "an earlier transition for the same outcome always holds")                           \
  RULE(transition_limit_is_negative, "a transition is followed any number of times (0), or at_most so many")           \
  RULE(recovery_follows_no_failure, "only a transition on error or timeout has something to recover from")             \
  RULE(recovery_leads_to_no_step, "a recovery is what a step does: it doesn't lead to the end of the run")             \
  RULE(conditional_transitions_have_no_fallback, "the last transition on ok must always hold")                         \
  RULE(condition_is_malformed, "a term lacks its operands, or has too many")                                           \
  RULE(condition_path_is_malformed, "the path is not of the form key.key[0].key")                                      \
  RULE(condition_has_nothing_to_combine, "all, any and in need at least one operand")                                  \
  RULE(condition_compares_what_has_no_order, "only numbers and texts are greater or less")                             \
  RULE(condition_value_is_not_a_text_number_or_boolean, "only these, UTF-8 and finite, are compared with")             \
  RULE(transitions_form_a_cycle, "a transition that leads back needs a limit: at_most")                                \
  RULE(step_is_not_reachable, "no transition leads to the step, and the workflow begins with another one")             \
  RULE(step_has_no_transition_on_ok, "every step says what follows it: a step or the end of the run")                  \
  RULE(approval_has_no_route_for_a_rejection, "an approval says what follows on error, too")                           \
  RULE(timeout_route_leaves_a_step_that_has_no_timeout, "only an event awaited with a timeout has it")                 \
  RULE(after_names_a_step_that_is_not_declared, "no step has the name")                                                \
  RULE(after_names_a_step_twice, "the step is named already")                                                          \
  RULE(dependencies_form_a_cycle, "the step would wait for itself")                                                    \
  RULE(transitions_and_dependencies_are_mixed, "a workflow has transitions or dependencies, not both")                 \
  RULE(parallel_steps_write_the_same_key, "neither step is before the other: nobody knows whose value remains")        \
  RULE(schedule_is_the_key_of_the_cron_tick, "the context's schedule says when the cron trigger fired")
// clang-format on

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

/// The functions that a broken rule reaches while the compiler evaluates a declaration. They are not constexpr on
/// purpose: the compiler stops there and names them, and nothing ever calls them.
namespace broken_rule {
#define SQUID_MESH_RULE(name, message) \
  [[noreturn]] inline void name(std::string_view) { std::abort(); }
SQUID_MESH_RULES(SQUID_MESH_RULE)
#undef SQUID_MESH_RULE
}  // namespace broken_rule

struct rule {
  std::string_view name;
  std::string_view message;
  void (*stop_the_compiler)(std::string_view culprit);
};

namespace rules {
#define SQUID_MESH_RULE(name, message) inline constexpr rule name{#name, message, &broken_rule::name};
SQUID_MESH_RULES(SQUID_MESH_RULE)
#undef SQUID_MESH_RULE
}  // namespace rules

#define SQUID_MESH_RULE(name, message) rules::name,
inline constexpr std::array all_rules{SQUID_MESH_RULES(SQUID_MESH_RULE)};
#undef SQUID_MESH_RULE
#undef SQUID_MESH_RULES
// NOLINTEND(cppcoreguidelines-macro-usage)

/// Where in a workflow something is: `transitions[2].to`. Refers to the place that it is in, which must outlive it.
struct place {
  const place* parent = nullptr;
  std::string_view key{};
  std::optional<std::size_t> index{};
};

/// What exactly is wrong, where a rule can be broken in several ways.
struct reason {
  std::string_view part{};  ///< of the culprit; may be empty
  std::string_view text{};  ///< empty: the rule says it all
};

/// Stops the compiler at the first broken rule; the rule's name and the culprit are in its diagnostic.
struct compile_time_report {
  static constexpr void broken(const rule& which, const place& /*where*/, std::string_view culprit,
                               const reason& /*why*/ = {}) {
    which.stop_the_compiler(culprit);
  }
};

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
