// A run as its journal tells it: what all read models are made of.
#pragma once

#include "inspect/run_mask.h"
#include "inspect/view.h"
#include "model/fact.h"
#include "model/records.h"
#include "progress/run_state.h"

#include <squid_mesh/error.hpp>
#include <squid_mesh/run.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace squid_mesh::inline v1 {

/// What the state doesn't remember of a step. Not masked.
struct told_step {
  std::optional<json> input;     ///< of actions: what the last attempt that has ended read
  std::optional<json> output;    ///< of its last completion, or of a gate's last decision
  std::optional<json> error;     ///< of its last failure, unless it completed since
  time_point opened_at{};        ///< when it began to let time pass, or to wait for somebody
  const fact* parked = nullptr;  ///< the last fact that says so
};

/// The run has ended; a retry may have followed.
struct told_end {
  std::int64_t after = 0;  ///< the fact with which it ended
  time_point at{};
  run_status status = run_status::completed;
  std::optional<json> error;
};

/// Something is done about a failure.
struct told_recovery {
  std::int64_t after = 0;  ///< the fact that says how the step failed
  time_point at{};
  std::optional<std::size_t> transition;  ///< that was followed; none: what was done is compensated
  std::size_t steps = 0;                  ///< to be compensated
};

/// An attempt that is going on: it has no fact yet, but its job says who has it since when.
struct running_attempt {
  std::string node;
  time_point since{};
};

/// A journal folded once, with what is seen on the way. Refers to the request.
struct told_run {
  explicit told_run(const view_request& request, run_state begun);

  const run_record& run;
  const std::vector<run_record>& children;  ///< the newest ones
  run_mask mask;
  run_state state;  ///< after the whole journal
  std::vector<told_step> steps;
  std::vector<told_end> ends;
  std::vector<told_recovery> recoveries;
  std::vector<std::size_t> path;            ///< the steps in the order in which the run came to them
  std::optional<time_point> ending_since;   ///< since when nothing begins any more
  const fact* wound_down_by = nullptr;      ///< the cancellation or the deadline because of which it ends or has ended
  std::vector<const job_row*> branch_jobs;  ///< by branch; null where there is none

  [[nodiscard]] const definition::step& declared(std::size_t step) const { return state.definition->steps()[step]; }
  /// The job of the branch on which a step is or was.
  [[nodiscard]] const job_row* job_of(std::size_t step) const { return branch_jobs[state.steps[step].branch]; }
  [[nodiscard]] std::optional<running_attempt> running(std::size_t step) const;
  /// The same for a lane of a step over a list.
  [[nodiscard]] std::optional<running_attempt> running_lane(std::size_t step, std::size_t lane) const;
  /// As people should see it: with what the jobs and the end of the run say of it.
  [[nodiscard]] step_status status_of(std::size_t step) const;
  /// What an action read last, or reads or would read now. Masked.
  [[nodiscard]] std::optional<json> input_of(std::size_t step) const;
};

/// `errc::storage` for a damaged journal.
result<told_run> tell(const view_request& request);

/// How far a step over a list has come.
elements_view view_of(const element_list& list);

/// The kind of a step, or `compensation`.
std::string_view kind_of(const definition& workflow, std::size_t step);

/// What a fact says besides its kind, as JSON; null where it says nothing.
json data_of(const fact& f);
std::optional<json> member(const json& data, const char* key);
std::optional<time_point> instant(const json& data, const char* key);

}  // namespace squid_mesh::inline v1
