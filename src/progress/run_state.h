// A run's state: the fold of its journal.
#pragma once

#include "model/fact.h"
#include "model/records.h"
#include "progress/elements.h"

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

namespace squid_mesh::inline v1 {

/// How far one step has come.
struct step_progress {
  step_status status = step_status::pending;
  int visits = 0;                    ///< how often the run has come to the step
  int attempts = 0;                  ///< attempts that have ended, of every kind
  int counted = 0;                   ///< those of this visit that count against the retry policy
  bool parked = false;               ///< the process that had the run has no handler for it
  bool opened = false;               ///< it lets time pass, or waits for somebody, and the journal says so. Of a
                                     ///< compensation: it has failed for good, and waits for a person
  std::size_t branch = 0;            ///< on which branch it is or was
  std::size_t missing = 0;           ///< how many of the steps that it waits for have not completed
  time_point due_since{};            ///< since when a worker may have been at it: it was entered, or an attempt ended
  std::optional<time_point> until;   ///< of waiting and retrying steps, and of gates that expire
  std::vector<json> approvals;       ///< given so far, of those needed: {"actor", "at", "comment"?, "metadata"?}
  bool was_completed = false;        ///< in this visit or an earlier one
  std::optional<json> edited_input;  ///< what a person has set as its input of this visit
  std::optional<json> output;        ///< in a workflow of dependencies: for the steps after it
  std::optional<json> error;         ///< why it failed for good, unless it was entered since
  std::optional<run_id> child;       ///< the run for whose end it waits, or has waited last
  std::optional<element_list> elements;  ///< of a step over a list, once it has begun
};

/// One completion of a step that has a compensation: what that needs to know of it.
struct completion {
  std::size_t step = 0;
  json input;
  json output;
};

/// What has happened since the last snapshot of a run, or since its start.
struct unkept_facts {
  std::int64_t facts = 0;
  std::size_t bytes = 0;
  std::size_t last_size = 0;  ///< of that snapshot
};

/// Who has approved, in the order of their approvals.
std::vector<std::string> approvers_of(const step_progress& gate);

/// Where a run is. A value; made by `begin` and moved on by `apply` alone.
///
/// A branch is a chain of steps that one job drives. It is named by the step with which it begins; a step that follows
/// another one is on the same branch, and where several can begin, the first of them is. The lanes of a step over a
/// list are branches, too, beside the one that the step is on.
struct run_state {
  std::shared_ptr<const squid_mesh::definition> definition;
  run_id id;
  std::string queue;  ///< where its jobs go, unless a step says otherwise
  int priority = 0;
  bool has_deadline = false;
  std::optional<parent_link> parent;  ///< the run that has started it
  std::shared_ptr<const run_label> label;

  run_status stored_status = run_status::pending;  ///< what the runs table says
  std::int64_t last_seq = 0;
  time_point last_at{};  ///< of the last fact, or of the start

  json start_context;  ///< the payload, and what the start adds; with dependencies or compensations
  json context;
  std::vector<step_progress> steps;
  std::vector<std::optional<std::size_t>> branches;  ///< by the step that names it, then lanes: the step where it is
  std::vector<std::size_t> opened_branches;          ///< those that the last fact has begun, beside the one it was on
  std::vector<std::size_t> woken_branches;           ///< those that the last fact lets go on, whatever they wait for
  std::vector<int> taken;                            ///< by transition: how often it was followed
  bool has_begun = false;                            ///< whether anything has been heard of a step

  std::size_t active = 0;               ///< steps that are due, running, waiting or retrying
  std::optional<run_status> ending;     ///< failed or cancelled: nothing begins any more, until what runs has ended
  bool discards_results = false;        ///< what still runs then doesn't count
  bool takes_children_along = false;    ///< it was cancelled or has missed its deadline
  std::vector<std::size_t> stopped_at;  ///< steps that the ending has stopped: there a retry goes on
  std::optional<run_status> ended;
  std::optional<json> error;  ///< why the run failed

  std::vector<completion> to_compensate;  ///< what a failure of the run makes good, the last one first
  std::optional<completion> compensated;  ///< what is being made good now
  bool compensating = false;              ///< the run fails, and what its steps did is or was made good

  std::map<std::string, std::deque<json>, std::less<>> events;  ///< those that came and were not taken yet, by name
  std::set<std::string, std::less<>> command_keys;              ///< the idempotency keys of the commands so far

  unkept_facts unkept;

  /// Of an imported run, by fact: the transition that was followed. Why can't be asked again: secrets are masked.
  std::optional<std::map<std::int64_t, std::size_t>> known_routes;

  /// What the runs table should show of it.
  [[nodiscard]] run_status status() const;
  /// The step where a branch is; none where it has ended.
  [[nodiscard]] std::optional<std::size_t> at(std::size_t branch) const { return branches[branch]; }
  [[nodiscard]] bool is_active(std::size_t step) const { return branches[steps[step].branch] == step; }
  [[nodiscard]] bool is_compensation(std::size_t step) const { return definition->compensated_by(step).has_value(); }
  /// Whether the run is ending, and only waits for what still goes on.
  [[nodiscard]] bool winds_down() const { return ending && !compensating; }
  /// What a step may read where it declares no input, and where its input's paths lead.
  [[nodiscard]] json visible_context(std::size_t step) const;
};

/// Puts a step's output into a context.
void merge_output(const definition& workflow, std::size_t step, json output, json& context);

/// The state of a run to which nothing has happened yet. Fails with `errc::storage` if the record can't be read.
result<run_state> begin(std::shared_ptr<const definition> workflow, const run_record& run);

/// Moves the state on by the next fact of the journal. Fails with `errc::storage`, and leaves the state unusable, on a
/// fact that can't follow it: a sign of a damaged journal.
result<void> apply(run_state& state, const fact& next);

/// Begins, or goes on from the snapshot, then applies every fact.
result<run_state> fold(std::shared_ptr<const definition> workflow, const journal& history);

/// The status that the runs table should show after a commit: see `run_record::status`.
run_status status_to_store(run_status stored, run_status actual, bool job_is_held);

}  // namespace squid_mesh::inline v1
