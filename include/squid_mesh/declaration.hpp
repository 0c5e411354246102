// squid_mesh/declaration.hpp - the parts of a workflow's declaration: plain values that the compiler can evaluate.
#pragma once

#include <squid_mesh/action.hpp>
#include <squid_mesh/child.hpp>
#include <squid_mesh/condition.hpp>
#include <squid_mesh/detail/fixed_list.hpp>
#include <squid_mesh/log.hpp>
#include <squid_mesh/time.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string_view>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

// -- Payload fields --------------------------------------------------------------------------------------------------

/// The type of a payload field. In JSON: string, integer, float, boolean, object, list.
enum class type { string, integer, floating, boolean, object, list };

/// The type as it is called in JSON: `floating` is `float`.
std::string_view to_string(type t);

/// The default of a payload field, as a constant.
struct field_default {
  enum class kind { none, string, integer, floating, boolean, json_text, today };

  kind is = kind::none;
  std::string_view text{};  ///< of a string or a JSON text
  std::int64_t integer = 0;
  double floating = 0;
  bool boolean = false;
};

/// What can be said of a payload field besides its name and type: see `value`, `json_value`, `today`, `secret`,
/// `optional`.
struct field_attribute {
  field_default fallback{};
  bool is_secret = false;
  bool is_optional = false;
};

/// A default, used where a run's payload leaves the field out.
constexpr field_attribute value(const char* text) {
  return {.fallback = {.is = field_default::kind::string, .text = text}};
}
constexpr field_attribute value(std::string_view text) {
  return {.fallback = {.is = field_default::kind::string, .text = text}};
}
constexpr field_attribute value(bool boolean) {
  return {.fallback = {.is = field_default::kind::boolean, .boolean = boolean}};
}
constexpr field_attribute value(double number) {
  return {.fallback = {.is = field_default::kind::floating, .floating = number}};
}
constexpr field_attribute value(std::int64_t number) {
  return {.fallback = {.is = field_default::kind::integer, .integer = number}};
}
constexpr field_attribute value(int number) { return value(std::int64_t{number}); }

/// A default for an object or a list, as JSON text: `sm::json_value("[1, 2]")`.
constexpr field_attribute json_value(std::string_view text) {
  return {.fallback = {.is = field_default::kind::json_text, .text = text}};
}

/// The default of a string: the ISO-8601 date at which the run is created, in its trigger's time zone.
inline constexpr field_attribute today{.fallback = {.is = field_default::kind::today}};

/// The field's value never appears in logs, errors, inspection or exports. So it can't have a default, which would be
/// stored with the definition.
inline constexpr field_attribute secret{.is_secret = true};

/// The field may be left out, and has no default: a field with a default is never missing.
inline constexpr field_attribute optional{.is_optional = true};

namespace detail {
/// Not constexpr on purpose: reaching it while the compiler evaluates a declaration makes its name the diagnostic.
[[noreturn]] inline void payload_field_has_two_defaults() {
  throw std::invalid_argument("a field of a workflow's payload has two defaults");
}
}  // namespace detail

/// One declared field of a trigger's payload: `{"feed_url", sm::type::string, sm::value("https://...")}`. Its name is
/// a key of the run's context; it has no dots and brackets, which are the syntax of paths.
struct field {
  std::string_view name{};
  squid_mesh::type type = squid_mesh::type::string;
  field_default fallback{};
  bool is_secret = false;
  bool is_optional = false;

  constexpr field() = default;
  constexpr field(std::string_view field_name, squid_mesh::type field_type, field_attribute first = {},
                  field_attribute second = {})
      : name(field_name),
        type(field_type),
        fallback(first.fallback.is != field_default::kind::none ? first.fallback : second.fallback),
        is_secret(first.is_secret || second.is_secret),
        is_optional(first.is_optional || second.is_optional) {
    const auto none = field_default::kind::none;
    if (first.fallback.is != none && second.fallback.is != none) detail::payload_field_has_two_defaults();
  }
};

// -- Triggers --------------------------------------------------------------------------------------------------------

/// What becomes of ticks that came while nobody worked.
enum class missed_ticks {
  run_once,  ///< One run, for the latest of them.
  skip,      ///< None.
  run_all,   ///< A run for each, the latest `missed_limit` at most.
};
/// What becomes of a tick while the run of the tick before hasn't ended.
enum class overlap {
  allow,            ///< It starts a run like any other.
  skip,             ///< It starts none.
  cancel_previous,  ///< The earlier run is cancelled.
};

/// `run_once`, `skip`, `run_all`.
std::string_view to_string(missed_ticks policy);
/// `allow`, `skip`, `cancel_previous`.
std::string_view to_string(overlap policy);

/// When a cron trigger fires: five fields (minute, hour, day of month, month, weekday) in an IANA time zone.
struct cron {
  /// Such as `0 9 * * MON-FRI` or `@daily`. A field is a list of `*`, `a`, `a-b`, `*/n`, `a/n` and `a-b/n`; months and
  /// weekdays have English three-letter names, in any case; Sunday is 0 and 7. Where both the day of the month and the
  /// weekday are restricted, a day that fits either of them will do, as in Vixie cron; in Oban's, it has to fit both.
  std::string_view expression{};
  std::string_view timezone = "Etc/UTC";
  missed_ticks missed = missed_ticks::run_once;
  int missed_limit = 100;  ///< at least 1
  squid_mesh::overlap overlap = squid_mesh::overlap::allow;
};

/// How a run starts. Without a schedule the trigger is manual: runs start only by `start_run`.
struct trigger {
  std::string_view name{};
  std::optional<cron> schedule{};
  /// In which `today` is the default's date. A cron trigger's is its schedule's; otherwise empty means Etc/UTC.
  std::string_view timezone{};
  detail::fixed_list<field, 32> payload{};
};

// -- Steps -----------------------------------------------------------------------------------------------------------

/// One key of a step's input. `"feed"` takes the context's `feed`; `{"title", "feed.items[0].title"}` takes the
/// value at a path under a new name.
struct input_binding {
  std::string_view name{};
  std::string_view path{};

  constexpr input_binding() = default;
  constexpr input_binding(const char* key) : name(key), path(key) {}
  constexpr input_binding(std::string_view input_name, std::string_view context_path)
      : name(input_name), path(context_path) {}
};

/// How long to wait between attempts: `min` after the first failure, `factor` times as long after each further one,
/// `max` at most; then up to `jitter` (0 to 1) of that is added by chance.
struct backoff {
  milliseconds min{0};
  milliseconds max{0};
  double factor = 2;
  double jitter = 0;

  bool operator==(const backoff&) const = default;
};

/// Doubling delays from `min` to `max`.
constexpr backoff exponential(milliseconds min, milliseconds max, double jitter = 0) {
  return {.min = min, .max = max, .factor = 2, .jitter = jitter};
}
/// The same delay every time.
constexpr backoff constant(milliseconds delay, double jitter = 0) {
  return {.min = delay, .max = delay, .factor = 1, .jitter = jitter};
}

/// When a failed attempt is tried again. Failed, timed-out and lost attempts count; interrupted ones don't.
struct retry_policy {
  /// The marker of a policy that nobody set: a failure is final, but an attempt whose worker died is repeated,
  /// `unset_lost_limit` times at most.
  static constexpr int unset = -1;
  static constexpr int unset_lost_limit = 10;

  /// Attempts of every countable kind together; at least 1, or `unset`.
  int max_attempts = unset;
  squid_mesh::backoff backoff{};

  bool operator==(const retry_policy&) const = default;
};

/// What can be said of the action that makes good what a step did.
struct compensation_options {
  retry_policy retry{};
  milliseconds timeout{0};     ///< for one attempt; zero: no limit
  bool transactional = false;  ///< as of steps
};

/// An action that makes good what a step did: `.compensate = sm::action<release_stock>`. It is a step of its own,
/// called after the one to which it belongs: `reserve_stock.compensate`. Its input is a `compensation_input` (see
/// compensation.hpp); its output is in the run's history, and not in the context.
struct compensation : compensation_options {
  action_ref action{};

  constexpr compensation() = default;
  constexpr compensation(action_ref what, compensation_options how = {}) : compensation_options(how), action(what) {}
};

/// What can be said of any step besides its name and what it does.
struct step_options {
  /// What the step reads. Empty: the whole context; in a workflow of dependencies, what the payload and the steps
  /// before this one have put there.
  detail::fixed_list<input_binding, 16> input{};
  /// The context key under which the output goes. Empty: an action's output is an object whose keys are merged into the
  /// context; that of a gate or of an event goes under the step's name.
  std::string_view output{};
  retry_policy retry{};
  /// The time that one attempt may take; zero: no limit.
  milliseconds timeout{0};
  /// The action writes to the host's own tables in the transaction that records its end: see `postgres::connection` and
  /// `sqlite::connection`. Its effects there happen exactly once.
  bool transactional = false;
  /// The steps that have to be completed before this one begins. A workflow in which any step says so is one of
  /// dependencies: it has no transitions, and all steps that wait for nothing begin at once, side by side.
  detail::fixed_list<std::string_view, 32> after{};
  /// Where a worker for the step is looked for; empty: on the workflow's queue.
  std::string_view queue{};
  /// What the action does can't be undone, such as sending money. A run in which it has completed is only replayed by
  /// who insists: see `replay_options::allow_irreversible`.
  bool irreversible = false;
  /// False: what the action does can't be made good by another one either. The same holds for replays.
  bool compensatable = true;
  /// Makes good what the action did if the run fails later, by a step without a route for it or by its deadline: all
  /// completed steps that have a compensation are compensated, one after the other, the last one to complete first.
  std::optional<compensation> compensate{};
};

/// The built-in step that writes a line to the host's log.
struct log {
  std::string_view message{};
  level severity = level::info;
};

/// The built-in step that lets time pass. It holds no worker meanwhile.
struct wait {
  milliseconds duration{0};
};

/// How a gate that nobody has opened in time is left: as a failure of the step, or as a rejection.
enum class expiry { error, reject };

/// `error`, `reject`.
std::string_view to_string(expiry outcome);

/// The built-in step that stops the run until `mesh::unblock_run`. It holds no worker meanwhile.
struct pause {
  milliseconds expires_in{0};  ///< then the step fails; zero: never
};

/// The built-in step that stops the run until people have approved (`ok`) or one has rejected (`error`). Its output
/// says who decided what, when and why: `decision`, `actor`, `at`, and where they were given `comment` and `metadata`;
/// with a quorum of several, `approvals` has the same of each approval, in their order.
struct approval {
  int quorum = 1;              ///< how many different people have to approve
  milliseconds expires_in{0};  ///< zero: never
  expiry on_expiry = expiry::reject;
};

/// The built-in step that waits for an event which `mesh::signal_run` brings, and takes its data as output. An event
/// that came before counts. It holds no worker meanwhile.
struct await_event {
  std::string_view name{};
  milliseconds timeout{0};  ///< then it goes on along `on::timeout`; zero: never
};

/// The built-in step that starts a run of another workflow and waits for its end. It holds no worker meanwhile. Its
/// input is that run's payload, and empty where it declares none; its output is an object of what that run's steps have
/// put into the context. A run that fails or is cancelled is a failure of the step; a retry starts another one. The
/// step's `timeout` is the time limit of the run.
struct child {
  std::string_view workflow{};
  std::string_view trigger{};  ///< whose payload is meant; empty: the workflow's first
  on_parent_cancel on_cancel = on_parent_cancel::cancel;
};

/// What becomes of a step over a list when an element's attempts are used up.
enum class on_element_failure {
  fail_fast,  ///< No other element begins any more, and the step fails.
  collect,    ///< The others go on; the step completes, and says what failed.
  tolerate,   ///< The same, unless more than a share of all elements has failed: then as `fail_fast`.
};

/// `fail_fast`, `collect`, `tolerate`.
std::string_view to_string(on_element_failure policy);

/// The step that runs an action once for each element of a list, several at a time, on as many processes as there are.
/// The action's input is `item` and `index` (from 0) beside what the step's input declares; the step's `retry` and
/// `timeout` are those of each element. Its output, for which it needs a key, is the list of the results in the order
/// of the elements; unless it fails fast, it is `{"results": [...], "failures": [{"index", "error"}]}`, where a failed
/// element's result is null.
struct for_each {
  action_ref action{};
  std::string_view list{};  ///< the path of the list in the context
  int parallel = 10;        ///< elements at the same time, by all processes together: 1 to 1,000
  on_element_failure on_failure = on_element_failure::fail_fast;
  double tolerated = 0;  ///< with `tolerate`: the share, 0 to 1
};

enum class step_kind { action, log, wait, pause, approval, await_event, child, for_each };

/// `action`, `log`, `wait`, `pause`, `approval`, `await_event`, `child`, `for_each`.
std::string_view to_string(step_kind kind);

namespace detail {
/// In the order of the enumerators. They are stored with definitions: never change one.
inline constexpr std::array<std::string_view, 8> step_kind_words{"action",   "log",         "wait",  "pause",
                                                                 "approval", "await_event", "child", "for_each"};
constexpr std::string_view word_of(step_kind kind) { return step_kind_words[static_cast<std::size_t>(kind)]; }
}  // namespace detail

/// Whether a step of this kind waits for a person's decision.
constexpr bool is_gate(step_kind kind) { return kind == step_kind::pause || kind == step_kind::approval; }

/// Whether a worker has to do something for a step of this kind.
constexpr bool needs_worker(step_kind kind) {
  return kind == step_kind::action || kind == step_kind::log || kind == step_kind::child;
}

/// Whether a step of this kind reads an input, returns an output that its workflow doesn't know beforehand, and can be
/// tried again.
constexpr bool has_attempts(step_kind kind) {
  return kind == step_kind::action || kind == step_kind::child || kind == step_kind::for_each;
}

/// Whether a step of this kind calls code of the host's.
constexpr bool has_handler(step_kind kind) { return kind == step_kind::action || kind == step_kind::for_each; }

/// One unit of work: an action of the host, or a built-in, which takes few of the options.
struct step : step_options {
  std::string_view name{};
  step_kind kind = step_kind::action;
  action_ref action{};
  std::string_view log_message{};
  level log_severity = level::info;
  milliseconds wait_duration{0};
  std::string_view event{};    ///< of await_event
  milliseconds expires_in{0};  ///< of gates and await_event
  int quorum = 1;
  expiry on_expiry = expiry::error;
  squid_mesh::child child{};
  squid_mesh::for_each for_each{};

  constexpr step() = default;
  constexpr step(std::string_view step_name, action_ref what, step_options how = {})
      : step_options(how), name(step_name), action(what) {}
  constexpr step(std::string_view step_name, squid_mesh::log what, step_options how = {})
      : step_options(how),
        name(step_name),
        kind(step_kind::log),
        log_message(what.message),
        log_severity(what.severity) {}
  constexpr step(std::string_view step_name, squid_mesh::wait what, step_options how = {})
      : step_options(how), name(step_name), kind(step_kind::wait), wait_duration(what.duration) {}
  constexpr step(std::string_view step_name, squid_mesh::pause what, step_options how = {})
      : step_options(how), name(step_name), kind(step_kind::pause), expires_in(what.expires_in) {}
  constexpr step(std::string_view step_name, squid_mesh::approval what, step_options how = {})
      : step_options(how),
        name(step_name),
        kind(step_kind::approval),
        expires_in(what.expires_in),
        quorum(what.quorum),
        on_expiry(what.on_expiry) {}
  constexpr step(std::string_view step_name, squid_mesh::await_event what, step_options how = {})
      : step_options(how), name(step_name), kind(step_kind::await_event), event(what.name), expires_in(what.timeout) {}
  constexpr step(std::string_view step_name, squid_mesh::child what, step_options how = {})
      : step_options(how), name(step_name), kind(step_kind::child), child(what) {}
  constexpr step(std::string_view step_name, squid_mesh::for_each what, step_options how = {})
      : step_options(how), name(step_name), kind(step_kind::for_each), action(what.action), for_each(what) {}
};

// -- Transitions -----------------------------------------------------------------------------------------------------

/// The outcome of a step that a transition follows. `timeout` is that of an event that didn't come in time; without a
/// transition for it, that is an error.
enum class on { ok, error, timeout };

/// `ok`, `error`, `timeout`.
std::string_view to_string(on outcome);

/// What a transition that follows a failure does about what was done before it. It is said in the run's history and
/// graph.
enum class recovery {
  none,          ///< Nothing in particular.
  compensation,  ///< It leads to steps that make good what was done: give money back, say that an order is off.
  undo,          ///< It leads to steps that put things back as they were: release what was reserved.
};

/// `none`, `compensation`, `undo`.
std::string_view to_string(recovery what);

/// The end of a run, as a transition's target. No step can have this name.
inline constexpr std::string_view complete = "complete";

/// What follows a step's name in that of its compensation. No declared step's name ends so.
inline constexpr std::string_view compensation_suffix = ".compensate";

/// Of the transitions for one outcome of a step, the first one whose condition holds is followed; the last one has
/// none.
struct transition {
  std::string_view from{};
  squid_mesh::on on = squid_mesh::on::ok;
  std::string_view to{};
  condition when{};
  /// How often a run may follow it; zero: any number of times. One that leads back to an earlier step needs it.
  int at_most = 0;
  squid_mesh::recovery recovery = squid_mesh::recovery::none;
};

// -- The whole -------------------------------------------------------------------------------------------------------

/// A workflow as declared. `workflow` checks it while compiling, `definition::from` at run time.
struct declaration {
  std::string_view name{};
  /// A label for people; the workflow's identity is its name and its fingerprint.
  std::string_view version{};
  /// Where workers for its runs are looked for; empty: on the mesh's queue.
  std::string_view queue{};
  detail::fixed_list<trigger, 8> triggers{};
  detail::fixed_list<step, 64> steps{};
  detail::fixed_list<transition, 128> transitions{};
};

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
