// squid_mesh/run.hpp - what a person sees of a run: itself, its steps, its attempts, its history.
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/ids.hpp>
#include <squid_mesh/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// The states of a run. The names are stored, so they never change.
enum class run_status { pending, running, retrying, paused, failed, completed, cancelling, cancelled };

/// `pending`, `running`, `retrying`, `paused`, `failed`, `completed`, `cancelling`, `cancelled`.
std::string_view to_string(run_status status);
std::optional<run_status> parse_run_status(std::string_view name);

/// Whether a run in this state has ended: such a state never changes again.
constexpr bool is_terminal(run_status status) {
  return status == run_status::failed || status == run_status::completed || status == run_status::cancelled;
}

enum class step_status { pending, running, waiting, retrying, completed, failed, skipped, cancelled };
std::string_view to_string(step_status status);
std::optional<step_status> parse_step_status(std::string_view name);

enum class attempt_status { running, completed, failed, timed_out, lost, interrupted, cancelled };
std::string_view to_string(attempt_status status);

/// One try of one step.
struct attempt_view {
  std::string step;
  int number = 1;  ///< within the step, from 1
  attempt_status status = attempt_status::running;
  time_point started_at{};
  std::optional<time_point> ended_at;  ///< nullopt while it runs
  std::string node;                    ///< the name of the process that ran it; empty where none did
  std::optional<json> error;           ///< as `to_json(error)`; of attempts that failed
  std::optional<time_point> retry_at;  ///< when the next attempt is due, if one was granted
  std::optional<std::size_t> element;  ///< of a step over a list: its index; the number is its own, then
  std::optional<json> output;          ///< of cancelled ones: what they still returned, when nobody wanted it any more
};

/// How far a step over a list has come.
struct elements_view {
  std::size_t count = 0;
  std::size_t completed = 0;
  std::size_t failed = 0;    ///< for good
  std::size_t retrying = 0;  ///< those that wait for another attempt
};

/// A step of a run.
struct step_view {
  std::string name;
  std::string
      kind;  ///< `action`, `log`, `wait`, `pause`, `approval`, `await_event`, `child`, `for_each`, `compensation`
  /// A gate that is open is `running`; a step that waits for time, an event or a run is `waiting`; a compensation that
  /// waits for a person is `failed`.
  step_status status = step_status::pending;
  int visits = 0;              ///< how often the run has come to it
  std::optional<json> input;   ///< of actions: what it read last, or would read now; nullopt where that isn't there yet
  std::optional<json> output;  ///< of completed steps, and of rejected ones: the decision
  std::optional<json> error;   ///< of the last failure, unless the step completed since
  /// Of waiting and retrying steps and of open gates: when they go on without anybody's doing, if they do.
  std::optional<time_point> until;
  std::optional<run_id> child;            ///< of steps of the kind `child`: the run that it has started last
  std::optional<elements_view> elements;  ///< of steps over a list, once they have begun
  std::vector<attempt_view> attempts;
};

/// One thing that happened to a run.
struct audit_event {
  std::int64_t seq = 0;  ///< its place in the run's journal; 0 for the start
  time_point at{};
  std::string kind;  ///< `run_started`, `step_completed`, `step_failed`, ..., `run_completed`
  std::string step;  ///< empty where it concerns the whole run
  std::string text;  ///< the same for people, in a sentence
  /// An object, of what there is: `actor`, `reason` or `comment`, `metadata`, `key`, `output`, `error`, `retry_at`,
  /// `until`, `quorum`, `approvals`, `on_expiry`, `event`, `data`, `input`, `idle`, `node` and more.
  json details;
};

/// Events that came to a run and that no step has taken yet.
struct pending_event {
  std::string name;
  std::size_t count = 0;
};

/// A run as lists show it.
struct run_summary {
  run_id id;
  std::string workflow;
  std::string trigger;
  run_status status = run_status::pending;
  time_point started_at{};
  std::optional<time_point> ended_at;
  /// When it was imported by `mesh::import_run`, if it was: it is here to be looked at, and its status is the one that
  /// it had when it was exported.
  std::optional<time_point> imported_at;
};

/// The run that has started another one.
struct parent_view {
  run_id run;
  std::string step;  ///< of the parent, by which it was started
  std::string key;   ///< what the parent calls it
};

/// A run that another one has started.
struct child_view : run_summary {
  std::string step;
  std::string key;
};

/// A run in full. Values of `secret` payload fields are masked wherever they occur.
struct run_view : run_summary {
  std::string definition;  ///< the fingerprint of the definition to which the run is pinned
  std::string queue;       ///< where its jobs go, unless a step says otherwise; empty: to the mesh's
  int priority = 0;        ///< of its jobs
  std::optional<time_point> deadline;
  std::string start_key;            ///< the idempotency key of its start; empty: none
  std::optional<run_id> replay_of;  ///< the run whose payload this one got again
  std::optional<parent_view> parent;
  std::vector<child_view> children;  ///< the newest 100; `mesh::list_runs` finds all
  json payload;
  /// The payload merged with the outputs of the steps completed so far, and, if a schedule has started the run,
  /// `schedule`.
  json context;
  std::vector<std::string> current_steps;   ///< which are due, running, waiting or retrying; in workflow order
  std::optional<std::string> current_step;  ///< if there is exactly one
  std::vector<pending_event> pending_events;
  std::optional<json> error;           ///< of failed runs
  std::vector<step_view> steps;        ///< in workflow order; after them the compensations that have begun
  std::vector<attempt_view> attempts;  ///< chronological; with `include_history` alone
  std::vector<audit_event> history;    ///< chronological; with `include_history` alone
};

struct inspect_options {
  bool include_history = false;
};

/// A run that was started, or that had been before under the same idempotency key.
struct run_ref {
  run_id id;
  bool existing = false;
};

/// Which runs to list. Every condition that is set must hold.
struct run_filter {
  std::string workflow{};              ///< empty: any
  std::vector<run_status> statuses{};  ///< empty: any
  std::optional<run_id> parent{};      ///< only the runs that this one has started
  std::optional<time_point> started_from{};
  std::optional<time_point> started_before{};
  std::size_t limit = 50;  ///< 1 to 1,000
  std::string cursor{};    ///< `run_page::next_cursor` of the page before; empty: the first page
};

/// The newest runs first.
struct run_page {
  std::vector<run_summary> runs;
  std::string next_cursor;  ///< empty: this is the last page
};

/// The forms that the command line and other programs read; instants are ISO-8601, durations in microseconds.
json to_json(const attempt_view& attempt);
json to_json(const elements_view& elements);
json to_json(const step_view& step);
json to_json(const audit_event& event);
json to_json(const pending_event& event);
json to_json(const run_summary& run);
json to_json(const parent_view& parent);
json to_json(const child_view& child);
json to_json(const run_view& run);
json to_json(const run_page& page);

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
