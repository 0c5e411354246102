// What is true of every run, whatever has happened to it.
#pragma once

#include "model/run_lifecycle.h"
#include "progress/driven_run.h"

#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace squid_mesh::testing {

inline bool same(const fact& a, const fact& b) {
  return a.seq == b.seq && a.started_at == b.started_at && same_fact(a, b);
}

inline bool same(const decision& a, const decision& b) {
  return std::ranges::equal(a.facts, b.facts, [](const fact& x, const fact& y) { return same(x, y); }) &&
         a.status == b.status && a.job == b.job && a.releases == b.releases && a.opened == b.opened &&
         a.woken == b.woken && a.retires_jobs == b.retires_jobs && a.run_next == b.run_next && a.stale == b.stale &&
         a.repeated == b.repeated && a.refusal.has_value() == b.refusal.has_value();
}

inline bool same(const step_progress& a, const step_progress& b) {
  return a.status == b.status && a.visits == b.visits && a.attempts == b.attempts && a.counted == b.counted &&
         a.parked == b.parked && a.opened == b.opened && a.branch == b.branch && a.missing == b.missing &&
         a.due_since == b.due_since && a.until == b.until && a.approvals == b.approvals &&
         a.edited_input == b.edited_input && a.output == b.output;
}

inline bool same(const run_state& a, const run_state& b) {
  return a.stored_status == b.stored_status && a.last_seq == b.last_seq && a.last_at == b.last_at &&
         a.context == b.context && a.branches == b.branches && a.taken == b.taken && a.has_begun == b.has_begun &&
         a.active == b.active && a.ending == b.ending && a.discards_results == b.discards_results &&
         a.stopped_at == b.stopped_at && a.compensating == b.compensating &&
         a.to_compensate.size() == b.to_compensate.size() && a.compensated.has_value() == b.compensated.has_value() &&
         a.ended == b.ended && a.error == b.error && a.events == b.events && a.command_keys == b.command_keys &&
         std::ranges::equal(a.steps, b.steps, [](const auto& x, const auto& y) { return same(x, y); });
}

namespace invariant {

inline bool completes_a_step(fact_kind kind) {
  return kind == fact_kind::step_completed || kind == fact_kind::gate_unblocked || kind == fact_kind::gate_approved ||
         kind == fact_kind::event_taken;
}

inline void the_journal_folds_to_the_state(const driven_run& run) {
  const auto folded = fold(run.state.definition, run.history);
  RC_ASSERT(folded.has_value());
  RC_ASSERT(same(*folded, run.state));
}

inline void a_snapshot_holds_the_state(const driven_run& run) {
  run_state kept = run.state;
  const snapshot taken = take_snapshot(kept);
  auto restored = restore(run.state.definition, run.history.run, taken);
  RC_ASSERT(restored.has_value());
  RC_ASSERT(same(*restored, run.state));
  RC_ASSERT(take_snapshot(*restored).text == taken.text);
}

inline void facts_have_no_gaps(const driven_run& run) {
  std::int64_t seq = 0;
  for (const fact& next : run.history.facts) RC_ASSERT(next.seq == ++seq);
}

inline void a_run_ends_when_nothing_is_active(const run_state& state) {
  const auto active = static_cast<std::size_t>(std::ranges::count_if(state.branches, [](auto at) { return !!at; }));
  RC_ASSERT(active == state.active);
  RC_ASSERT((active == 0) == state.ended.has_value());
}

/// Every attempt that ended did so in one fact.
inline void attempts_end_once(const driven_run& run) {
  std::map<std::string, int> ends;
  for (const fact& next : run.history.facts) {
    const bool of_worker = !next.step.empty() && needs_worker(run.declared(next.step).kind);
    const bool is_end = next.kind == fact_kind::step_failed || next.kind == fact_kind::attempt_lost ||
                        next.kind == fact_kind::attempt_interrupted || next.kind == fact_kind::attempt_discarded ||
                        next.kind == fact_kind::step_completed;
    if (of_worker && is_end) ++ends[next.step];
  }
  for (const auto& step : run.state.definition->steps()) {
    RC_ASSERT(run.progress_of(step.name).attempts == ends[step.name]);
  }
}

inline void attempts_are_limited(const run_state& state) {
  for (std::size_t i = 0; i < state.steps.size(); ++i) {
    const int allowed = state.definition->steps()[i].retry.max_attempts;
    RC_ASSERT(state.steps[i].counted <= (allowed == retry_policy::unset ? retry_policy::unset_lost_limit : allowed));
  }
}

/// A step has something in the journal only after all that it waits for, and completes once.
inline void joins_come_last_and_once(const driven_run& run) {
  if (!run.state.definition->has_dependencies()) return;
  std::set<std::string> completed;
  for (const fact& next : run.history.facts) {
    if (next.step.empty()) continue;
    for (const std::string& earlier : run.declared(next.step).after) RC_ASSERT(completed.contains(earlier));
    if (completes_a_step(next.kind)) RC_ASSERT(completed.insert(next.step).second);
  }
  for (const step_progress& progress : run.state.steps) RC_ASSERT(progress.visits <= 1);
}

/// No transition is followed too often, and every visit came along one.
inline void limits_are_kept(const run_state& state) {
  const definition& workflow = *state.definition;
  if (workflow.has_dependencies()) return;
  std::vector<int> arrivals(state.steps.size());
  arrivals[workflow.entries().front()] = 1;
  for (std::size_t i = 0; i < state.taken.size(); ++i) {
    const definition::transition& t = workflow.transitions()[i];
    RC_ASSERT(t.at_most == 0 || state.taken[i] <= t.at_most);
    if (const auto to = workflow.find_step(t.to)) arrivals[*to] += state.taken[i];
  }
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    if (!state.is_compensation(i)) RC_ASSERT(state.steps[i].visits == arrivals[i]);
  }
}

/// Steps are compensated once for each time that they have completed, the last one first, and only in a run that fails.
inline void what_was_done_is_made_good_backwards(const driven_run& run) {
  const definition& workflow = *run.state.definition;
  std::vector<std::string> done;
  std::string going_on;
  for (const fact& next : run.history.facts) {
    const auto step = workflow.find_step(next.step);
    if (!step) continue;
    if (const auto of = workflow.compensated_by(*step)) {
      const std::string& name = workflow.steps()[*of].name;
      if (going_on != name) {
        RC_ASSERT(going_on.empty() && !done.empty() && done.back() == name);
        done.pop_back();
        going_on = name;
      }
      const bool is_over = next.kind == fact_kind::step_completed || (next.kind == fact_kind::compensation_resolved &&
                                                                      json::parse(next.data).at("as") != "retried");
      if (is_over) going_on.clear();
      continue;
    }
    const json data = next.data.empty() ? json() : json::parse(next.data);
    const bool has_happened = next.kind == fact_kind::step_completed || (next.kind == fact_kind::attempt_discarded &&
                                                                         data.is_object() && data.contains("output"));
    // What comes after the end is too late for it.
    if (has_happened && workflow.compensation_of(*step)) done.push_back(workflow.steps()[*step].name);
  }
  if (run.state.compensating && run.state.ended) RC_ASSERT(going_on.empty());
}

inline void keys_are_used_once(const driven_run& run) {
  std::set<std::string> keys;
  for (const fact& next : run.history.facts) {
    const json data = next.data.empty() ? json() : json::parse(next.data);
    const bool is_command = data.is_object() && data.contains("key") && next.kind != fact_kind::step_completed;
    if (is_command) RC_ASSERT(keys.insert(data["key"]).second);
  }
}

/// Different people, as many as the quorum, since the gate was opened.
inline void approvals_have_their_quorum(const driven_run& run) {
  std::map<std::string, std::set<std::string>> voters;
  for (const fact& next : run.history.facts) {
    if (next.kind == fact_kind::gate_opened) voters[next.step].clear();
    if (next.kind != fact_kind::gate_voted && next.kind != fact_kind::gate_approved) continue;
    const int before = static_cast<int>(voters[next.step].size());
    RC_ASSERT(voters[next.step].insert(json::parse(next.data).at("actor")).second);
    RC_ASSERT((before + 1 == run.declared(next.step).quorum) == (next.kind == fact_kind::gate_approved));
  }
}

/// The projection changes only as it may, and the end is final but for a failure.
inline void the_life_of_a_run_is_kept(const run_state& before, const decision& made) {
  if (made.status) {
    RC_ASSERT(may_follow(before.stored_status, made.status->status));
    RC_ASSERT(made.status->ended_at.has_value() == is_terminal(made.status->status));
  }
  if (!before.ended || made.facts.empty()) return;
  const fact_kind first = made.facts.front().kind;
  RC_ASSERT(first == fact_kind::attempt_discarded || first == fact_kind::retry_requested);
  if (first == fact_kind::retry_requested) RC_ASSERT(*before.ended == run_status::failed);
  if (first == fact_kind::attempt_discarded) RC_ASSERT(made.facts.size() == 1 && !made.status && !made.run_next);
}

/// What was in flight when a run began to end may end, nothing else.
inline void nothing_begins_in_a_run_that_ends(const run_state& before, const run_state& after, const decision& made) {
  if (!before.ending || before.ended) return;
  if (made.run_next) RC_ASSERT(after.is_compensation(made.run_next->step));
  // Without facts it was decided on an earlier state: such a job moves to another queue, and ends there.
  if (!after.compensating && !made.facts.empty()) RC_ASSERT(made.opened.empty() && made.woken.empty());
  for (std::size_t i = 0; i < before.steps.size(); ++i) {
    if (!after.is_compensation(i)) RC_ASSERT(after.steps[i].visits == before.steps[i].visits);
  }
}

/// What comes too late for a run that is cancelled, or whose deadline has passed, changes nothing in it.
inline void late_results_are_not_applied(const run_state& before, const run_state& after, const decision& made) {
  if (!before.discards_results || (before.ended && !after.ended)) return;
  RC_ASSERT(after.context == before.context);
  for (const fact& next : made.facts) RC_ASSERT(!completes_a_step(next.kind));
}

inline void nothing_is_over_before_its_time(const run_state& before, const decision& made) {
  for (const fact& next : made.facts) {
    const auto step = before.definition->find_step(next.step);
    const bool is_over =
        next.kind == fact_kind::gate_expired || next.kind == fact_kind::event_timed_out ||
        (next.kind == fact_kind::step_completed && before.definition->steps()[*step].kind == step_kind::wait);
    if (!is_over) continue;
    const step_progress& progress = before.steps[*step];
    RC_ASSERT(progress.opened && progress.until && *progress.until <= next.at);
  }
}

/// What a decision says fits together.
inline void a_decision_makes_sense(const decision& made) {
  const bool changes = !made.facts.empty() || made.status || made.run_next || !made.opened.empty() ||
                       !made.woken.empty() || made.retires_jobs;
  if (made.stale) RC_ASSERT(!changes && made.job == job_change{} && !made.releases);
  if (made.repeated || made.refusal) RC_ASSERT(!changes);
  if (made.facts.empty()) RC_ASSERT(!made.status && !made.retires_jobs && made.woken.empty());
  if (made.releases) RC_ASSERT(made.job.is == job_change::kind::finish);
}

inline void hold(const driven_run& run) {
  the_journal_folds_to_the_state(run);
  a_snapshot_holds_the_state(run);
  facts_have_no_gaps(run);
  a_run_ends_when_nothing_is_active(run.state);
  attempts_end_once(run);
  attempts_are_limited(run.state);
  joins_come_last_and_once(run);
  limits_are_kept(run.state);
  what_was_done_is_made_good_backwards(run);
  keys_are_used_once(run);
  approvals_have_their_quorum(run);
}

}  // namespace invariant
}  // namespace squid_mesh::testing
