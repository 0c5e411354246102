// squid_mesh/telemetry.hpp - what happens in this process, told to handlers of the host.
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/ids.hpp>
#include <squid_mesh/run.hpp>
#include <squid_mesh/time.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// What an event says, and which members of `telemetry_event` it fills beside `at`. Events of runs fill `run`,
/// `workflow`, `trigger` and `traceparent`, and those of steps `step`, `visit`, `attempt`, `element` and `node` as
/// well.
enum class telemetry_kind {
  run_created,     ///< `started_at`; `parent`, `replay_of`. Not of runs that start in a transaction of the host's.
  run_dispatched,  ///< A worker got one of the run's jobs: `node`, `queue`, `job`; `duration` since the job was due.
  run_transition,  ///< The run's status in the runs table has changed: `from`, `to`. `running` isn't always written.
  run_paused,      ///< It waits for a person. This and the next ones come beside a transition.
  run_resumed,     ///< It doesn't any more.
  run_completed,   ///< `started_at`; `duration` since then, as of the next two.
  run_failed,      ///<
  run_cancelled,   ///<
  run_retried,     ///< A failed run goes on where it failed.
  run_replayed,    ///< It is a new one with the payload of an old one: `replay_of`.
  run_migrated,    ///< It goes on by another definition.
  step_started,    ///< An attempt begins, of an action or a log step. What it builds on is durable.
  step_waiting,    ///< The step lets time pass, or waits for a person, an event or a run.
  step_completed,  ///< `started_at` and `duration`, of attempts that ran here.
  step_failed,     ///< For good: the same, and `error_code`, `error_kind`, `error_message`.
  step_retry_scheduled,  ///< The same; the next attempt is due at `retry_at`.
  step_lost,             ///< The process that had the attempt has died: the same, and `retry_at` where it runs again.
  step_interrupted,      ///< The process shuts down: the attempt is made again, and doesn't count.
  step_discarded,        ///< Its result came when nobody wanted it any more.
  step_skipped,          ///< The run is ending: the step doesn't begin.
  step_parked,           ///< This process has no handler for it.
  step_compensated,      ///< A step's compensation has completed: as `step_completed`, of the compensation.
  job_fetched,           ///< `job`, `queue`, `worker`, `attempt`; `duration` since it was due.
  job_acknowledged,      ///< The same; `outcome`; `duration` since it was fetched.
  job_rescued,           ///< The same, of a job that a dead process had.
  batch_committed,       ///< One transaction with `count` commits, written in `duration`.
  queue_depth,           ///< Every 15 s: `queue`, its jobs by state, `duration` since the oldest available one was due.
};

/// As in `run.created`, `step.retry_scheduled`, `queue.depth`. The names never change.
std::string_view to_string(telemetry_kind kind);

/// How many jobs of a queue there are.
struct queue_counts {
  std::size_t available = 0;
  std::size_t scheduled = 0;
  std::size_t executing = 0;
  std::size_t retryable = 0;
};

/// Something that has happened: in the database, if it is about that. Holds no payload, output or secret.
struct telemetry_event {
  telemetry_kind kind = telemetry_kind::run_created;
  time_point at{};

  run_id run{};  ///< zero where it is about none
  std::string workflow{};
  std::string trigger{};
  std::string traceparent{};  ///< the caller's, as given at the run's start; empty: none
  std::optional<run_id> parent{};
  std::optional<run_id> replay_of{};
  std::optional<run_status> from{};
  std::optional<run_status> to{};

  std::string step{};
  int visit = 0;    ///< the how-manieth time the run is at the step, from 1
  int attempt = 0;  ///< of the step, or element, from 1; of jobs: the delivery
  std::optional<std::size_t> element{};
  std::string node{};  ///< the name of the process that made the attempt
  std::string error_code{};
  std::string error_kind{};
  std::string error_message{};  ///< for people; masked
  std::optional<time_point> retry_at{};

  job_id job{};
  std::string queue{};
  std::string worker{};
  std::string outcome{};  ///< `completed`, `snoozed`, `released`, `retryable`, `rescued`, `discarded`, `cancelled`

  // Measurements
  std::optional<time_point> started_at{};
  std::optional<microseconds> duration{};
  std::size_t count = 0;
  std::optional<queue_counts> depth{};
};

/// What there is of it. Instants are ISO-8601, durations in microseconds (`duration_us`).
json to_json(const telemetry_event& event);

/// Gets what happens in one process.
class telemetry_handler {
 public:
  telemetry_handler() = default;
  telemetry_handler(const telemetry_handler&) = delete;
  telemetry_handler& operator=(const telemetry_handler&) = delete;
  virtual ~telemetry_handler() = default;

  /// What has happened since the last call, in its order as far as one run is concerned. Called on a thread that is
  /// this handler's alone, so it may take its time; what waits for it then is limited (`max_waiting_telemetry`), and
  /// more is dropped. An exception is logged. Must not call the library.
  virtual void on(std::span<const telemetry_event> events) = 0;

  /// So many events were dropped since the last call, because the handler was too slow.
  virtual void dropped(std::size_t /*count*/) {}
};

/// How many events may wait for one handler.
inline constexpr std::size_t max_waiting_telemetry = 65'536;

using telemetry_handlers = std::vector<std::shared_ptr<telemetry_handler>>;

// -- Traces. The trace of a run is the caller's, if it gave a W3C traceparent at the run's start, or else its own. Ids
//    follow from the run and the attempt: every process makes the same.

/// What to hand on as the header `traceparent` when the attempt of an event, or, without a step, the run itself, calls
/// somebody.
std::string traceparent_of(const telemetry_event& event);

/// The parts of a traceparent, in lower-case hexadecimal.
struct trace_parts {
  std::string trace_id;  ///< 32 digits
  std::string span_id;   ///< 16 digits
  bool is_sampled = true;
};
/// nullopt for what is not a W3C traceparent.
std::optional<trace_parts> parse_traceparent(std::string_view text);

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
