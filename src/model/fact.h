// Facts: the things that happen to a run. In order they are the run's journal, and its truth.
#pragma once

#include <squid_mesh/ids.hpp>
#include <squid_mesh/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace squid_mesh::inline v1 {

/// The names are stored in journals: add kinds at the end, never rename one. What `fact::data` holds, as JSON:
///
///   step_completed       the step's output; empty for none
///   step_failed          {"error": error, "retry_at"?: us}   without retry_at the failure is final
///   attempt_lost         {"error": error, "retry_at"?: us}   its worker died; otherwise like step_failed
///   attempt_interrupted  empty                               its process was shut down; the step is run again
///   wait_started         {"until": us}
///   step_parked          empty                               the process that got the run has no handler for the step
///   worker_lost          empty                               the run was taken from its worker while time had to pass
///   woken_early          empty                               a job came early: a retry begins, all else waits on
///   gate_opened          {"quorum": n, "until"?: us, "on_expiry": "error" | "reject"}
///   gate_voted           command                             an approval that isn't the last one needed
///   gate_unblocked       command                             a pause is over
///   gate_approved        command
///   gate_rejected        command
///   gate_expired         empty                               what follows was said when the gate was opened
///   event_awaited        {"name": text, "until"?: us}
///   event_received       command with "name" and "data"      kept until a step takes it; names no step
///   event_taken          empty                               the step took the oldest event of the name it awaits
///   event_timed_out      empty
///   cancel_requested     command with "idle": [step]         those steps have no worker and end at once; names no step
///   deadline_passed      {"idle": [step]}                    the same, for the run's deadline; names no step
///   attempt_discarded    {"output"?: json, "error"?: error}  its result came when nobody wanted it any more
///   step_skipped         empty                               the run is ending: the step doesn't begin
///   retry_requested      command with "input"?: {step: object}  a failed run goes on; names no step
///   child_started        {"run": id, "workflow": name}       the step waits for that run to end
///   elements_begun       {"count": n}                        the step over a list begins with so many elements
///   element_completed    {"index": i, "output": json}
///   lane_ended           {"lane": k}                         a branch of such a step begins no element any more
///   run_migrated         command with "from", "to": fingerprints and "steps": {old name: new name}  the run goes on by
///                        another definition, which calls these steps otherwise; names no step
///   compensation_resolved  command with "as": "retried" | "skipped" | "done"  a compensation had failed for good
///
/// Of an attempt at an element of a list, the facts of attempts have its "index", too.
///
/// where `us` are microseconds since the Unix epoch, and a command is {"actor"?: text, "reason"?: text, "metadata"?:
/// json, "key"?: text}: who did it and why, and the idempotency key. A run's start needs no fact: its row in the runs
/// table is that. Its end needs none either: it follows from the last fact.
enum class fact_kind {
  step_completed,
  step_failed,
  attempt_lost,
  attempt_interrupted,
  wait_started,
  step_parked,
  worker_lost,
  woken_early,
  gate_opened,
  gate_voted,
  gate_unblocked,
  gate_approved,
  gate_rejected,
  gate_expired,
  event_awaited,
  event_received,
  event_taken,
  event_timed_out,
  cancel_requested,
  deadline_passed,
  attempt_discarded,
  step_skipped,
  retry_requested,
  compensation_resolved,
  child_started,
  elements_begun,
  element_completed,
  lane_ended,
  run_migrated,
};

/// Whether such a fact can come after a run's end: in which case the run may be gone.
constexpr bool may_follow_end(fact_kind kind) {
  return kind == fact_kind::retry_requested || kind == fact_kind::attempt_discarded;
}

std::string_view to_string(fact_kind kind);
std::optional<fact_kind> parse_fact_kind(std::string_view name);

/// Which attempt a fact ends. Known where it was decided alone: it isn't stored.
struct attempt_tag {
  int number = 0;  ///< of the step, or element, from 1; 0: not known
  int visit = 0;   ///< of the step
  std::optional<std::size_t> element{};
  bool compensates = false;  ///< the step makes another one good
};

/// One row of `squid_mesh_events`.
struct fact {
  std::int64_t seq = 0;  ///< from 1, without gaps
  fact_kind kind = fact_kind::step_completed;
  std::string step;
  time_point at{};
  std::optional<time_point> started_at;  ///< when the attempt that this fact ends began
  std::string node;                      ///< the name of the process in which that attempt ran
  std::string data;                      ///< JSON text, see above
  attempt_tag of{};
};

/// Whether they say the same, and are not two attempts' accounts of one place in a journal.
inline bool same_fact(const fact& a, const fact& b) {
  return a.kind == b.kind && a.step == b.step && a.at == b.at && a.node == b.node && a.data == b.data;
}

}  // namespace squid_mesh::inline v1
