// Declarations that must not compile, each under the name of the rule that the compiler must mention.
#include <squid_mesh/workflow.hpp>

#include <initializer_list>
#include <limits>

namespace sm = squid_mesh;
using namespace std::chrono_literals;

namespace {

constexpr sm::declaration with_graph(std::initializer_list<sm::step> steps,
                                     std::initializer_list<sm::transition> transitions) {
  return {.name = "demo.broken", .triggers = {{.name = "manual"}}, .steps = steps, .transitions = transitions};
}

/// One step, which every other rule is content with.
constexpr sm::declaration with_step(const sm::step& s) { return with_graph({s}, {{s.name, sm::on::ok, sm::complete}}); }

constexpr sm::declaration with_triggers(std::initializer_list<sm::trigger> triggers) {
  sm::declaration declared = with_step({"only", sm::bound_action});
  declared.triggers = triggers;
  return declared;
}

constexpr sm::declaration with_payload(std::initializer_list<sm::field> fields) {
  return with_triggers({{.name = "manual", .payload = fields}});
}

/// A step that is left under a condition.
constexpr sm::declaration with_condition(const sm::condition& when) {
  return with_graph({{"only", sm::bound_action}},
                    {{"only", sm::on::ok, sm::complete, when}, {"only", sm::on::ok, sm::complete}});
}

constexpr sm::declaration with_backoff(sm::backoff b) {
  return with_step({"only", sm::bound_action, {.retry = {.max_attempts = 3, .backoff = b}}});
}

// -- Texts and names --

// rule: text_is_not_utf8
constexpr auto a1 = sm::workflow(with_step({"caf\xE9", sm::bound_action}));

// rule: name_is_empty
constexpr auto a2 = sm::workflow(with_step({"", sm::bound_action}));

// rule: name_is_longer_than_127_bytes
constexpr auto a3 = sm::workflow(
    with_step({"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
               "0123456789abcdef0123456789abcdef",
               sm::bound_action}));

// rule: name_has_a_control_character
constexpr auto a4 = sm::workflow(with_step({"two\nlines", sm::bound_action}));

// rule: key_has_a_dot_or_a_bracket
constexpr auto a5 = sm::workflow(with_step({"only", sm::bound_action, {.output = "feed.items"}}));

// rule: name_is_empty
constexpr auto a6 = sm::workflow(with_step({"", sm::pause{}}));

// -- Triggers and their payloads --

// rule: workflow_has_no_trigger
constexpr auto b1 = sm::workflow(with_triggers({}));

// rule: trigger_is_declared_twice
constexpr auto b2 = sm::workflow(with_triggers({{.name = "manual"}, {.name = "manual"}}));

// rule: cron_expression_is_malformed
constexpr auto b3 = sm::workflow(with_triggers({{.name = "nightly", .schedule = sm::cron{"0 24 * * *"}}}));

// rule: cron_missed_limit_is_below_one
constexpr auto b12 =
    sm::workflow(with_triggers({{.name = "nightly", .schedule = sm::cron{.expression = "@daily", .missed_limit = 0}}}));

// rule: schedule_is_the_key_of_the_cron_tick
constexpr auto b13 = sm::workflow(with_triggers({{.name = "nightly", .schedule = sm::cron{"@daily"}},
                                                 {.name = "manual", .payload = {{"schedule", sm::type::string}}}}));

// rule: trigger_and_its_schedule_have_different_time_zones
constexpr auto b4 = sm::workflow(
    with_triggers({{.name = "nightly", .schedule = sm::cron{"@daily", "Asia/Tokyo"}, .timezone = "Europe/Berlin"}}));

// rule: payload_field_is_declared_twice
constexpr auto b5 = sm::workflow(with_payload({{"url", sm::type::string}, {"url", sm::type::integer}}));

// rule: default_is_not_a_json_value
constexpr auto b6 = sm::workflow(with_payload({{"ids", sm::type::list, sm::json_value("[1, 2")}}));

// rule: default_does_not_match_the_type_of_its_field
constexpr auto b7 = sm::workflow(with_payload({{"url", sm::type::string, sm::value(7)}}));

// rule: today_is_not_the_default_of_a_string
constexpr auto b8 = sm::workflow(with_payload({{"day", sm::type::integer, sm::today}}));

// rule: optional_field_has_a_default
constexpr auto b9 = sm::workflow(with_payload({{"url", sm::type::string, sm::value("x"), sm::optional}}));

// rule: secret_field_has_a_default
constexpr auto b10 = sm::workflow(with_payload({{"key", sm::type::string, sm::secret, sm::value("hunter2")}}));

// rule: payload_field_has_two_defaults
constexpr auto b11 = sm::workflow(with_payload({{"day", sm::type::string, sm::today, sm::value("2026-11-22")}}));

// -- Steps --

// rule: workflow_has_no_step
constexpr auto c1 = sm::workflow(with_graph({}, {}));

// rule: step_is_declared_twice
constexpr auto c2 = sm::workflow(
    with_graph({{"only", sm::bound_action}, {"only", sm::bound_action}}, {{"only", sm::on::ok, sm::complete}}));

// rule: step_is_named_like_the_end_of_a_run
constexpr auto c3 = sm::workflow(with_step({"complete", sm::bound_action}));

// rule: step_is_named_like_a_compensation
constexpr auto c30 = sm::workflow(with_step({"ship.compensate", sm::bound_action}));

// rule: compensation_of_a_step_that_is_not_compensatable
constexpr auto c31 = sm::workflow(
    with_step({"only", sm::bound_action, {.compensatable = false, .compensate = sm::compensation(sm::bound_action)}}));

// rule: for_each_list_is_malformed
constexpr auto c32 = sm::workflow(with_step({"only", sm::for_each{sm::bound_action, "a..b"}, {.output = "all"}}));

// rule: for_each_parallel_is_not_in_1_to_1000
constexpr auto c33 = sm::workflow(with_step({"only", sm::for_each{sm::bound_action, "a", 0}, {.output = "all"}}));

// rule: for_each_tolerated_is_not_in_0_to_1
constexpr auto c34 = sm::workflow(
    with_step({"only", sm::for_each{.action = sm::bound_action, .list = "a", .tolerated = 0.5}, {.output = "all"}}));

// rule: for_each_has_no_output
constexpr auto c35 = sm::workflow(with_step({"only", sm::for_each{sm::bound_action, "a"}}));

// rule: for_each_input_covers_the_element
constexpr auto c36 =
    sm::workflow(with_step({"only", sm::for_each{sm::bound_action, "a"}, {.input = {"item"}, .output = "all"}}));

// rule: step_is_named_like_a_lane
constexpr auto c37 = sm::workflow(
    with_graph({{"each", sm::for_each{sm::bound_action, "a"}, {.output = "all"}}, {"each#0", sm::bound_action}},
               {{"each", sm::on::ok, "each#0"}, {"each#0", sm::on::ok, sm::complete}}));

// rule: log_message_is_empty
constexpr auto c4 = sm::workflow(with_step({"only", sm::log{""}}));

// rule: wait_duration_is_not_positive
constexpr auto c5 = sm::workflow(with_step({"only", sm::wait{0ms}}));

// rule: built_in_step_has_options_of_an_action
constexpr auto c6 = sm::workflow(with_step({"only", sm::log{"Hello"}, {.output = "line"}}));

// rule: queue_is_only_an_actions_or_a_logs
constexpr auto c19 = sm::workflow(with_step({"only", sm::wait{1s}, {.queue = "slow"}}));

// rule: gate_quorum_is_below_one
constexpr auto c20 = sm::workflow(with_step({"only", sm::approval{.quorum = 0}}));

// rule: key_has_a_dot_or_a_bracket
constexpr auto c21 = sm::workflow(with_step({"first.approval", sm::pause{}}));

// rule: name_is_empty
constexpr auto c22 = sm::workflow(with_step({"only", sm::await_event{}}));

// rule: built_in_step_has_options_of_an_action
constexpr auto c23 = sm::workflow(with_step({"only", sm::await_event{"paid"}, {.timeout = 1s}}));

// rule: timeout_is_negative
constexpr auto c24 = sm::workflow(with_step({"only", sm::pause{.expires_in = -1s}}));

// rule: timeout_is_negative
constexpr auto c7 = sm::workflow(with_step({"only", sm::bound_action, {.timeout = -1s}}));

// rule: duration_is_longer_than_a_century
constexpr auto c8 = sm::workflow(with_step({"only", sm::wait{24h * 36526}}));

// rule: retry_max_attempts_is_below_one
constexpr auto c9 = sm::workflow(with_step({"only", sm::bound_action, {.retry = {.max_attempts = 0}}}));

// rule: retry_backoff_lacks_max_attempts
constexpr auto c10 =
    sm::workflow(with_step({"only", sm::bound_action, {.retry = {.backoff = sm::exponential(1s, 30s)}}}));

// rule: retry_backoff_is_negative
constexpr auto c11 = sm::workflow(with_backoff({.min = -1ms}));

// rule: retry_backoff_max_is_below_its_min
constexpr auto c12 = sm::workflow(with_backoff(sm::exponential(30s, 1s)));

// rule: retry_backoff_factor_is_not_in_1_to_1000
constexpr auto c13 = sm::workflow(with_backoff({.min = 1s, .max = 2s, .factor = 0.5}));

// rule: retry_backoff_jitter_is_not_in_0_to_1
constexpr auto c14 = sm::workflow(with_backoff(sm::constant(1s, 1.5)));

// rule: input_is_declared_twice
constexpr auto c15 = sm::workflow(with_step({"only", sm::bound_action, {.input = {"url", {"url", "link"}}}}));

// rule: input_path_is_malformed
constexpr auto c16 = sm::workflow(with_step({"only", sm::bound_action, {.input = {{"title", "feed..title"}}}}));

// rule: input_reads_a_key_that_nothing_before_it_produces
constexpr auto c17 = sm::workflow(
    with_graph({{"fetch", sm::bound_action, {.output = "feed"}}, {"post", sm::bound_action, {.input = {"fed"}}}},
               {{"fetch", sm::on::ok, "post"}, {"post", sm::on::ok, sm::complete}}));

// rule: declaration_list_is_longer_than_its_capacity
constexpr auto c18 = sm::workflow(with_step(
    {"only",
     sm::bound_action,
     {.input = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17"}}}));

// -- Transitions --

// rule: transition_leaves_a_step_that_is_not_declared
constexpr auto d1 = sm::workflow(with_graph({{"only", sm::bound_action}}, {{"olny", sm::on::ok, sm::complete}}));

// rule: transition_targets_a_step_that_is_not_declared
constexpr auto d2 = sm::workflow(with_graph({{"only", sm::bound_action}}, {{"only", sm::on::ok, "compleet"}}));

// rule: transition_is_never_taken
constexpr auto d3 = sm::workflow(with_graph(
    {{"first", sm::bound_action}, {"second", sm::bound_action}},
    {{"first", sm::on::ok, "second"}, {"first", sm::on::ok, sm::complete}, {"second", sm::on::ok, sm::complete}}));

// rule: transitions_form_a_cycle
constexpr auto d4 = sm::workflow(with_graph(
    {{"first", sm::bound_action}, {"second", sm::bound_action}},
    {{"first", sm::on::ok, "second"}, {"second", sm::on::ok, sm::complete}, {"second", sm::on::error, "first"}}));

// rule: step_is_not_reachable
constexpr auto d5 =
    sm::workflow(with_graph({{"first", sm::bound_action}, {"island", sm::bound_action}},
                            {{"first", sm::on::ok, sm::complete}, {"island", sm::on::ok, sm::complete}}));

// rule: step_has_no_transition_on_ok
constexpr auto d6 = sm::workflow(with_graph({{"only", sm::bound_action}}, {{"only", sm::on::error, sm::complete}}));

// rule: approval_has_no_route_for_a_rejection
constexpr auto d7 = sm::workflow(with_step({"only", sm::approval{}}));

// rule: timeout_route_leaves_a_step_that_has_no_timeout
constexpr auto d8 =
    sm::workflow(with_graph({{"only", sm::await_event{"paid"}}},
                            {{"only", sm::on::ok, sm::complete}, {"only", sm::on::timeout, sm::complete}}));

// rule: transition_limit_is_negative
constexpr auto d9 =
    sm::workflow(with_graph({{"only", sm::bound_action}}, {{.from = "only", .to = sm::complete, .at_most = -1}}));

// rule: conditional_transitions_have_no_fallback
constexpr auto d10 =
    sm::workflow(with_graph({{"only", sm::bound_action}}, {{"only", sm::on::ok, sm::complete, sm::exists("page")}}));

// rule: conditional_transitions_have_no_fallback
constexpr auto d11 =
    sm::workflow(with_graph({{"only", sm::bound_action}}, {{"only", sm::on::ok, sm::complete, {}, 5}}));

// rule: recovery_follows_no_failure
constexpr auto d12 = sm::workflow(with_graph(
    {{"first", sm::bound_action}, {"second", sm::bound_action}},
    {{.from = "first", .to = "second", .recovery = sm::recovery::undo}, {"second", sm::on::ok, sm::complete}}));

// rule: recovery_leads_to_no_step
constexpr auto d13 = sm::workflow(
    with_graph({{"only", sm::bound_action}},
               {{"only", sm::on::ok, sm::complete},
                {.from = "only", .on = sm::on::error, .to = sm::complete, .recovery = sm::recovery::undo}}));

// -- Conditions --

// rule: condition_path_is_malformed
constexpr auto e1 = sm::workflow(with_condition(sm::exists("page[first]")));

// rule: text_is_not_utf8
constexpr auto e2 = sm::workflow(with_condition(sm::exists("caf\xE9")));

// rule: condition_is_malformed
constexpr auto e3 = sm::workflow(with_condition(sm::any({sm::exists("page"), sm::condition{}})));

// rule: condition_is_malformed
constexpr auto e4 = sm::workflow(with_condition({.terms = {{.is = sm::term_kind::constant, .value = 1}}}));

// rule: condition_has_nothing_to_combine
constexpr auto e5 = sm::workflow(with_condition(sm::negate(sm::all({}))));

// rule: condition_has_nothing_to_combine
constexpr auto e6 = sm::workflow(with_condition(sm::in("page.kind", {})));

// rule: condition_compares_what_has_no_order
constexpr auto e7 = sm::workflow(with_condition(sm::greater_than("page.is_public", true)));

// rule: condition_value_is_not_a_text_number_or_boolean
constexpr auto e8 = sm::workflow(with_condition(sm::equals("page.title", "caf\xE9")));

// rule: condition_value_is_not_a_text_number_or_boolean
constexpr auto e9 = sm::workflow(with_condition(sm::in("page.ratio", {0.5, std::numeric_limits<double>::infinity()})));

// rule: declaration_list_is_longer_than_its_capacity
constexpr auto e10 = sm::workflow(with_condition(sm::in("page.id", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})));

// -- Dependencies --

// rule: after_names_a_step_that_is_not_declared
constexpr auto f1 = sm::workflow(with_graph({{"only", sm::bound_action, {.after = {"olny"}}}}, {}));

// rule: after_names_a_step_twice
constexpr auto f2 = sm::workflow(
    with_graph({{"first", sm::bound_action}, {"second", sm::bound_action, {.after = {"first", "first"}}}}, {}));

// rule: dependencies_form_a_cycle
constexpr auto f3 = sm::workflow(with_graph(
    {{"first", sm::bound_action, {.after = {"second"}}}, {"second", sm::bound_action, {.after = {"first"}}}}, {}));

// rule: transitions_and_dependencies_are_mixed
constexpr auto f4 =
    sm::workflow(with_graph({{"first", sm::bound_action}, {"second", sm::bound_action, {.after = {"first"}}}},
                            {{"first", sm::on::ok, "second"}}));

// rule: parallel_steps_write_the_same_key
constexpr auto f5 = sm::workflow(with_graph({{"first", sm::bound_action, {.output = "page"}},
                                             {"second", sm::bound_action, {.output = "page"}},
                                             {"last", sm::bound_action, {.after = {"first", "second"}}}},
                                            {}));

// rule: input_reads_a_key_that_nothing_before_it_produces
constexpr auto f6 = sm::workflow(with_graph({{"first", sm::bound_action, {.output = "page"}},
                                             {"beside", sm::bound_action, {.input = {"page"}, .output = "text"}},
                                             {"last", sm::bound_action, {.after = {"first", "beside"}}}},
                                            {}));

}  // namespace
