// A run's state: the fold of its journal.
#pragma once

#include "model/fact.h"
#include "model/records.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/run.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace squid_mesh {

/// How far one step has come.
struct step_progress {
  step_status status = step_status::pending;
  int visits = 0;                    ///< how often the run has come to the step
  int attempts = 0;                  ///< attempts that have ended, of every kind
  int counted = 0;                   ///< those of this visit that count against the retry policy
  bool parked = false;               ///< the process that had the run has no handler for it
  bool opened = false;               ///< it lets time pass, or waits for somebody, and the journal says so
  std::size_t branch = 0;            ///< on which branch it is or was
  std::size_t missing = 0;           ///< how many of the steps that it waits for have not completed
  time_point due_since{};            ///< since when a worker may have been at it: it was entered, or an attempt ended
  std::optional<time_point> until;   ///< of waiting and retrying steps, and of gates that expire
  std::vector<json> approvals;       ///< given so far, of those needed: {"actor", "at", "comment"?, "metadata"?}
  bool was_completed = false;        ///< in this visit or an earlier one
  std::optional<json> edited_input;  ///< what a person has set as its input of this visit
  std::optional<json> output;        ///< in a workflow of dependencies: for the steps after it
  std::optional<json> error;         ///< why it failed for good, unless it was entered since
};

/// Who has approved, in the order of their approvals.
std::vector<std::string> approvers_of(const step_progress& gate);

/// Where a run is. A value; made by `begin` and moved on by `apply` alone.
///
/// A branch is a chain of steps that one job drives. It is named by the step with which it begins; a step that follows
/// another one is on the same branch, and where several can begin, the first of them is.
struct run_state {
  std::shared_ptr<const squid_mesh::definition> definition;
  run_id id;
  std::string queue;  ///< where its jobs go, unless a step says otherwise
  int priority = 0;
  bool has_deadline = false;

  run_status stored_status = run_status::pending;  ///< what the runs table says
  std::int64_t last_seq = 0;
  time_point last_at{};  ///< of the last fact, or of the start

  json start_context;  ///< the payload, and what the start adds; in a workflow of dependencies
  json context;
  std::vector<step_progress> steps;
  std::vector<std::optional<std::size_t>> branches;  ///< by the step that names the branch: the step where it is now
  std::vector<std::size_t> opened_branches;          ///< those that the last fact has begun, beside the one it was on
  std::vector<int> taken;                            ///< by transition: how often it was followed
  bool has_begun = false;                            ///< whether anything has been heard of a step

  std::size_t active = 0;               ///< steps that are due, running, waiting or retrying
  std::optional<run_status> ending;     ///< failed or cancelled: nothing begins any more, until what runs has ended
  bool discards_results = false;        ///< what still runs then doesn't count
  std::vector<std::size_t> stopped_at;  ///< steps that the ending has stopped: there a retry goes on
  std::optional<run_status> ended;
  std::optional<json> error;  ///< why the run failed

  std::map<std::string, std::deque<json>, std::less<>> events;  ///< those that came and were not taken yet, by name
  std::set<std::string, std::less<>> command_keys;              ///< the idempotency keys of the commands so far

  /// Of an imported run, by fact: the transition that was followed. Why can't be asked again: secrets are masked.
  std::optional<std::map<std::int64_t, std::size_t>> known_routes;

  /// What the runs table should show of it.
  [[nodiscard]] run_status status() const;
  /// The step where a branch is; none where it has ended.
  [[nodiscard]] std::optional<std::size_t> at(std::size_t branch) const { return branches[branch]; }
  [[nodiscard]] bool is_active(std::size_t step) const { return branches[steps[step].branch] == step; }
  /// What a step may read where it declares no input, and where its input's paths lead.
  [[nodiscard]] json visible_context(std::size_t step) const;
};

/// The state of a run to which nothing has happened yet. Fails with `errc::storage` if the record can't be read.
result<run_state> begin(std::shared_ptr<const definition> workflow, const run_record& run);

/// Moves the state on by the next fact of the journal. Fails with `errc::storage`, and leaves the state unusable, on a
/// fact that can't follow it: a sign of a damaged journal.
result<void> apply(run_state& state, const fact& next);

/// `begin`, then `apply` for every fact.
result<run_state> fold(std::shared_ptr<const definition> workflow, const journal& history);

/// The status that the runs table should show after a commit: see `run_record::status`.
run_status status_to_store(run_status stored, run_status actual, bool job_is_held);

}  // namespace squid_mesh
