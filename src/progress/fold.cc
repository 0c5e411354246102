#include "progress/run_state.h"

#include <string>
#include <utility>

namespace squid_mesh {
namespace {

std::unexpected<error> damaged(const run_id& id, std::int64_t seq, std::string_view what) {
  return std::unexpected(error{.code = errc::storage,
                               .message = "the journal of run " + to_string(id) + " is damaged at " +
                                          std::to_string(seq) + ": " + std::string(what)});
}

void complete_run(run_state& state) {
  state.current.reset();
  state.status = run_status::completed;
}

/// Goes along a transition, or ends the run.
void advance(run_state& state, std::size_t step, on outcome) {
  const auto target = state.definition->next(step, outcome);
  state.status = run_status::running;
  if (target && target->step) {
    state.current = target->step;
    state.steps[*target->step].status = step_status::running;
  } else {
    complete_run(state);
  }
}

void complete_step(run_state& state, std::size_t step, json output) {
  step_progress& progress = state.steps[step];
  if (state.definition->steps()[step].kind != step_kind::wait) ++progress.attempts;
  progress.status = step_status::completed;
  progress.until.reset();
  const std::string& key = state.definition->steps()[step].output;
  if (!key.empty()) {
    state.context[key] = std::move(output);
  } else if (output.is_object()) {
    state.context.update(output);
  }
  advance(state, step, on::ok);
}

/// A failed or lost attempt: the step is tried again, or its failure is final.
void end_attempt_badly(run_state& state, std::size_t step, const json& data) {
  step_progress& progress = state.steps[step];
  ++progress.attempts;
  ++progress.counted;
  if (const auto at = data.find("retry_at"); at != data.end()) {
    progress.until = time_point(microseconds(at->get<std::int64_t>()));
    // Without a pause there is nothing to wait for: the step just goes on.
    const bool at_once = *progress.until <= state.last_at;
    progress.status = at_once ? step_status::running : step_status::retrying;
    state.status = at_once ? run_status::running : run_status::retrying;
    return;
  }
  progress.status = step_status::failed;
  progress.until.reset();
  if (state.definition->next(step, on::error)) {
    advance(state, step, on::error);
    return;
  }
  state.current.reset();
  state.status = run_status::failed;
  state.error = data.value("error", json());
}

void apply_to_step(run_state& state, std::size_t step, const fact& next) {
  const json data = next.data.empty() ? json() : json::parse(next.data);
  step_progress& progress = state.steps[step];
  progress.parked = next.kind == fact_kind::step_parked;
  state.last_at = next.at;
  switch (next.kind) {
    case fact_kind::step_completed:
      return complete_step(state, step, data);
    case fact_kind::step_failed:
    case fact_kind::attempt_lost:
      return end_attempt_badly(state, step, data);
    case fact_kind::attempt_interrupted:
      ++progress.attempts;
      break;
    case fact_kind::wait_started:
      progress.status = step_status::waiting;
      progress.until = time_point(microseconds(data.at("until").get<std::int64_t>()));
      break;
    case fact_kind::step_parked:
    case fact_kind::worker_lost:
      break;
  }
  state.status = run_status::running;
}

}  // namespace

result<run_state> begin(std::shared_ptr<const definition> workflow, const run_record& run) {
  run_state state;
  state.id = run.id;
  state.last_at = run.started_at;
  state.stored_status = run.status;
  state.context = json::parse(run.payload, nullptr, false);
  if (!state.context.is_object()) return damaged(run.id, 0, "its payload is not an object");
  state.steps.resize(workflow->steps().size());
  state.current = workflow->entry();
  state.steps[workflow->entry()].status = step_status::running;
  state.definition = std::move(workflow);
  return state;
}

result<void> apply(run_state& state, const fact& next) {
  if (next.seq != state.last_seq + 1) return damaged(state.id, next.seq, "a fact is missing before it");
  const auto step = state.definition->find_step(next.step);
  if (!step || state.current != step)
    return damaged(state.id, next.seq, "step " + next.step + " is not its current one");
  state.last_seq = next.seq;
  try {
    apply_to_step(state, *step, next);
  } catch (const json::exception& e) {
    return damaged(state.id, next.seq, e.what());
  }
  return {};
}

result<run_state> fold(std::shared_ptr<const definition> workflow, const journal& history) {
  auto state = begin(std::move(workflow), history.run);
  if (!state) return state;
  for (const fact& next : history.facts) {
    if (auto applied = apply(*state, next); !applied) return std::unexpected(std::move(applied).error());
  }
  return state;
}

run_status status_to_store(run_status stored, run_status actual, bool job_is_held) {
  const bool implied =
      job_is_held && actual == run_status::running && (stored == run_status::pending || stored == run_status::retrying);
  return implied ? stored : actual;
}

}  // namespace squid_mesh
