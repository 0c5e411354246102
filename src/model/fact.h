// Facts: the things that happen to a run. In order they are the run's journal, and its truth.
#pragma once

#include <squid_mesh/ids.hpp>
#include <squid_mesh/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace squid_mesh {

/// The names are stored in journals: add kinds at the end, never rename one. What `fact::data` holds, as JSON:
///
///   step_completed       the step's output; empty for none
///   step_failed          {"error": error, "retry_at"?: us}   without retry_at the failure is final
///   attempt_lost         {"error": error, "retry_at"?: us}   its worker died; otherwise like step_failed
///   attempt_interrupted  empty                               its process was shut down; the step is run again
///   wait_started         {"until": us}
///   step_parked          empty                               the process that got the run has no handler for the step
///   worker_lost          empty                               the run was taken from its worker while time had to pass
///
/// where `us` are microseconds since the Unix epoch. A run's start needs no fact: its row in the runs table is that.
/// Its end needs none either: it follows from the last fact.
enum class fact_kind {
  step_completed,
  step_failed,
  attempt_lost,
  attempt_interrupted,
  wait_started,
  step_parked,
  worker_lost,
};

std::string_view to_string(fact_kind kind);
std::optional<fact_kind> parse_fact_kind(std::string_view name);

/// One row of `squid_mesh_events`.
struct fact {
  std::int64_t seq = 0;  ///< from 1, without gaps
  fact_kind kind = fact_kind::step_completed;
  std::string step;
  time_point at{};
  std::optional<time_point> started_at;  ///< when the attempt that this fact ends began
  std::string node;                      ///< the name of the process in which that attempt ran
  std::string data;                      ///< JSON text, see above
};

/// Whether they say the same, and are not two attempts' accounts of one place in a journal.
inline bool same_fact(const fact& a, const fact& b) {
  return a.kind == b.kind && a.step == b.step && a.at == b.at && a.node == b.node && a.data == b.data;
}

}  // namespace squid_mesh
