// Moving a run's state on by one fact: what is needed of it in several places.
#pragma once

#include "progress/run_state.h"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace squid_mesh::inline v1 {

/// Moves one state on by one fact. Steps and routes are in fold.cc, gates and events in fold_gates.cc, lists in
/// fold_elements.cc, and how a run ends, is made good and goes on again in fold_ending.cc.
class folding {
 public:
  folding(run_state& state, const fact& next)
      : state_(state), fact_(next), data_(next.data.empty() ? json() : json::parse(next.data)) {}
  /// False: the fact can't follow.
  bool apply();

 private:
  /// An instant in the fact's data.
  [[nodiscard]] std::optional<time_point> instant(const char* key) const;

  bool apply_to_run();
  bool apply_to_step(std::size_t step);
  [[nodiscard]] const definition::step& declared(std::size_t step) const { return state_.definition->steps()[step]; }
  void note_key();

  // -- Coming and going
  void enter(std::size_t step, std::size_t branch);
  void visit(std::size_t step, std::size_t branch);
  void leave(std::size_t step, step_status status);
  /// The ending keeps the step from going on.
  void stop(std::size_t step, step_status status);
  void open(step_progress& progress);

  // -- Where it goes
  /// What follows a step begins. False: nothing does, though the run isn't complete.
  bool follow(std::size_t step, on outcome);
  [[nodiscard]] bool is_open(const definition::route& route) const;
  /// The first of them goes on along the branch; each other one begins a branch of its own.
  void begin_dependents(std::size_t step);
  void put_output(std::size_t step, json output);
  void complete(std::size_t step, json output);
  /// The step has failed for good: along a route, or the run fails.
  void fail(std::size_t step, on outcome, const json& reason);
  /// A failed or lost attempt: the step is tried again, or its failure is final.
  void end_attempt_badly(std::size_t step);

  // -- Waiting for somebody
  /// Who has said it, when and why.
  [[nodiscard]] json what_was_said() const;
  [[nodiscard]] json gate_output(std::string_view decision) const;
  /// The last approval says the gate's output; where it took several, all of them are in it.
  void approve(std::size_t step);
  void reject(std::size_t step, const json& output);
  void expire(std::size_t step);
  bool take_event(std::size_t step);

  // -- Elements of a list
  bool begin_elements(std::size_t step);
  bool apply_to_element(std::size_t step, std::size_t element);
  /// The ending may have ended the lane, the step and the run before.
  bool discard_element(std::size_t step, std::size_t element);
  bool end_lane(std::size_t step, std::size_t lane);
  /// Whether as many have failed as the step can't bear.
  void judge_failures(std::size_t step);
  /// No element begins any more. Lanes that wait for a retry are to come and end.
  void close_elements(std::size_t step, std::optional<json> failure);
  /// Lanes that have ended leave the run; with the last one, the step has ended, too.
  void settle_elements(std::size_t step);
  /// Lanes whose jobs somebody executes end by themselves.
  void stop_lanes(std::size_t step, const std::set<std::string>& idle);
  void leave_lane(std::size_t branch);
  [[nodiscard]] std::size_t branch_of(std::size_t step, std::size_t lane) const;

  // -- Making good what was done
  void note_done(std::size_t step, const json& output);
  /// The next one begins on the branch whose worker has brought the fact, or was the last to have one.
  void compensate_next();
  /// A compensation has failed for good. It stays where it is: what is left is not to be made good without it.
  void wait_for_resolution(std::size_t step, const json& reason);
  bool resolve_compensation(std::size_t step);

  // -- The run as a whole
  /// Nothing is active any more.
  void come_to_rest();
  /// Stops the steps for which no worker can be doing anything: those that wait, and those that are known to be idle.
  void stop_idle(const std::set<std::string>& idle);
  bool wind_down(run_status to);
  bool discard_attempt(std::size_t step);
  bool retry();

  run_state& state_;
  const fact& fact_;
  json data_;
  std::size_t last_branch_ = 0;  ///< of the step that was left last
};

}  // namespace squid_mesh::inline v1
