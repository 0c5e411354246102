#include "inspect/told_run.h"

#include "model/run_job.h"
#include "progress/decide.h"
#include "progress/policy.h"

#include <algorithm>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

std::vector<const job_row*> jobs_by_branch(const definition& workflow, const std::vector<job_row>& jobs) {
  std::vector<const job_row*> found(workflow.steps().size() + workflow.lane_count());
  for (const job_row& job : jobs) {
    const auto drives = driven_by(job);
    if (!drives || drives->is == driven_branch::role::deadline) continue;
    const auto branch = branch_of(workflow, *drives);
    if (!branch) continue;
    // Of several, the one that somebody executes.
    const job_row*& of_branch = found[*branch];
    if (of_branch == nullptr || of_branch->state != jobs::state::executing) of_branch = &job;
  }
  return found;
}

/// Folds the journal of a run, and looks at each fact before and after.
class teller {
 public:
  teller(told_run& told, const std::vector<fact>& facts) : told_(told), facts_(facts), visits_(told.steps.size()) {
    note_visits();
    last_attempts_.resize(told.steps.size());
    for (const fact& f : facts) {
      const auto step = told.state.definition->find_step(f.step);
      if (step && f.started_at) last_attempts_[*step] = f.seq;
    }
  }

  result<void> operator()() {
    for (const fact& f : facts_) {
      const auto step = told_.state.definition->find_step(f.step);
      if (step) look_before(*step, f);
      const auto ending = told_.state.ending;
      const bool had_ended = told_.state.ended.has_value();
      const std::vector<int> taken = told_.state.taken;
      const bool was_compensating = told_.state.compensating;
      if (auto applied = apply(told_.state, f); !applied) return applied;
      if (step) look_after(*step, f);
      if (step && told_.declared(*step).kind == step_kind::for_each) look_at_elements(*step);
      if (told_.state.ending != ending) told_.ending_since = f.at;
      note_run(f, had_ended);
      note_recovery(f, taken);
      if (told_.state.compensating && !was_compensating) note_compensation(f);
      note_visits();
    }
    return {};
  }

 private:
  void look_before(std::size_t step, const fact& f) {
    if (f.seq != last_attempts_[step] || !has_attempts(told_.declared(step).kind)) return;
    auto input = squid_mesh::input_of(told_.state, step);
    told_.steps[step].input = input ? std::optional(*std::move(input)) : std::nullopt;
  }

  void look_after(std::size_t step, const fact& f) {
    told_step& told = told_.steps[step];
    switch (f.kind) {
      case fact_kind::wait_started:
      case fact_kind::child_started:
      case fact_kind::elements_begun:
      case fact_kind::gate_opened:
      case fact_kind::event_awaited:
        told.opened_at = f.at;
        return;
      case fact_kind::step_parked:
        told.parked = &f;
        return;
      case fact_kind::step_completed:
        told.output = f.data.empty() ? std::nullopt : std::optional(data_of(f));
        told.error.reset();
        return;
      case fact_kind::gate_unblocked:
      case fact_kind::gate_approved:
      case fact_kind::event_taken:
        told.output = output_in_context(step);
        told.error.reset();
        return;
      case fact_kind::gate_rejected:
      case fact_kind::gate_expired:
      case fact_kind::event_timed_out:
        told.output = was_decided(step, f) ? output_in_context(step) : std::nullopt;
        told.error = told_.state.steps[step].error;
        return;
      case fact_kind::compensation_resolved:
        if (told_.state.steps[step].status == step_status::completed) told.error.reset();
        return;
      default:
        if (auto reason = member(data_of(f), "error")) told.error = std::move(reason);
    }
  }

  /// The step ends with that of its last element, however that ends.
  void look_at_elements(std::size_t step) {
    if (told_.state.steps[step].status != step_status::completed) return;
    told_.steps[step].output = output_in_context(step);
    told_.steps[step].error.reset();
  }

  /// Whether what a step has failed with is a decision, if only because nobody made one.
  [[nodiscard]] bool was_decided(std::size_t step, const fact& f) const {
    return f.kind == fact_kind::gate_rejected ||
           (f.kind == fact_kind::gate_expired && told_.declared(step).on_expiry == expiry::reject);
  }

  /// Of gates, events and lists: their output has a key of its own.
  [[nodiscard]] std::optional<json> output_in_context(std::size_t step) const {
    const auto found = told_.state.context.find(told_.state.definition->output_key(step));
    return found == told_.state.context.end() ? std::nullopt : std::optional<json>(*found);
  }

  void note_run(const fact& f, bool had_ended) {
    if (f.kind == fact_kind::cancel_requested || f.kind == fact_kind::deadline_passed) told_.wound_down_by = &f;
    if (f.kind == fact_kind::retry_requested) told_.wound_down_by = nullptr;
    if (had_ended || !told_.state.ended) return;
    told_.ends.push_back({.after = f.seq, .at = f.at, .status = *told_.state.ended, .error = told_.state.error});
  }

  void note_recovery(const fact& f, const std::vector<int>& taken_before) {
    const auto transitions = told_.state.definition->transitions();
    for (std::size_t i = 0; i < transitions.size(); ++i) {
      if (transitions[i].recovery == recovery::none || told_.state.taken[i] == taken_before[i]) continue;
      told_.recoveries.push_back({.after = f.seq, .at = f.at, .transition = i, .steps = 0});
    }
  }

  void note_compensation(const fact& f) {
    told_.recoveries.push_back(
        {.after = f.seq, .at = f.at, .transition = std::nullopt, .steps = told_.state.to_compensate.size() + 1});
  }

  void note_visits() {
    for (std::size_t i = 0; i < visits_.size(); ++i) {
      if (told_.state.steps[i].visits == visits_[i]) continue;
      visits_[i] = told_.state.steps[i].visits;
      told_.path.push_back(i);
    }
  }

  told_run& told_;
  const std::vector<fact>& facts_;
  std::vector<int> visits_;                  ///< by step, as noted
  std::vector<std::int64_t> last_attempts_;  ///< by step: the fact that ended its last attempt
};

}  // namespace

namespace {

running_attempt attempt_on(const job_row& job, time_point due_since) {
  const json node = json::parse(job.attempted_by, nullptr, false);
  return {.node = node.is_array() && !node.empty() && node[0].is_string() ? node[0].get<std::string>() : std::string(),
          .since = std::max(job.attempted_at.value_or(due_since), due_since)};
}

}  // namespace

elements_view view_of(const element_list& list) {
  return {.count = list.size(), .completed = list.completed(), .failed = list.failed(), .retrying = list.retrying()};
}

std::string_view kind_of(const definition& workflow, std::size_t step) {
  return workflow.compensated_by(step) ? "compensation" : to_string(workflow.steps()[step].kind);
}

json data_of(const fact& f) { return f.data.empty() ? json() : json::parse(f.data, nullptr, false); }

std::optional<json> member(const json& data, const char* key) {
  if (!data.is_object()) return std::nullopt;
  const auto found = data.find(key);
  return found == data.end() ? std::nullopt : std::optional<json>(*found);
}

std::optional<time_point> instant(const json& data, const char* key) {
  const auto value = member(data, key);
  if (!value || !value->is_number_integer()) return std::nullopt;
  return time_point(microseconds(value->get<std::int64_t>()));
}

told_run::told_run(const view_request& request, run_state begun)
    : run(request.history.run),
      children(request.children),
      mask(*request.definition, request.history),
      state(std::move(begun)),
      steps(state.steps.size()),
      branch_jobs(jobs_by_branch(*request.definition, request.jobs)) {}

std::optional<running_attempt> told_run::running(std::size_t step) const {
  const job_row* const job = job_of(step);
  const bool runs = job != nullptr && job->state == jobs::state::executing && state.is_active(step) &&
                    needs_worker(declared(step).kind) && !state.steps[step].opened;
  if (!runs) return std::nullopt;
  return attempt_on(*job, state.steps[step].due_since);
}

std::optional<running_attempt> told_run::running_lane(std::size_t step, std::size_t lane) const {
  const std::size_t branch = branch_of_lane(*state.definition, {.step = step, .lane = lane});
  const job_row* const job = branch_jobs[branch];
  if (job == nullptr || job->state != jobs::state::executing || !state.at(branch)) return std::nullopt;
  const auto element = state.steps[step].elements->due(lane, time_point::max());
  if (!element) return std::nullopt;
  return attempt_on(*job, state.steps[step].elements->due_since(*element));
}

step_status told_run::status_of(std::size_t step) const {
  const step_progress& progress = state.steps[step];
  if (!state.is_active(step)) {
    return progress.status == step_status::pending && state.ended ? step_status::skipped : progress.status;
  }
  if (progress.opened) return progress.status;
  if (running(step)) return step_status::running;
  // The step of a branch whose job nobody has yet is due, not running.
  return progress.status == step_status::running ? step_status::pending : progress.status;
}

std::optional<json> told_run::input_of(std::size_t step) const {
  if (!has_attempts(declared(step).kind)) return std::nullopt;
  std::optional<json> input = steps[step].input;
  if (state.is_active(step)) {
    auto now = squid_mesh::input_of(state, step);
    input = now ? std::optional(*std::move(now)) : std::nullopt;
  }
  if (!input) return std::nullopt;
  if (state.is_compensation(step)) {
    for (const char* const context : {"payload", "context", "input"}) {
      if ((*input)[context].is_object()) (*input)[context] = mask.fields(std::move((*input)[context]));
    }
    return mask(*std::move(input));
  }
  return declared(step).input.empty() ? mask.fields(*std::move(input)) : mask.input(declared(step), *std::move(input));
}

result<told_run> tell(const view_request& request) {
  auto begun = begin(request.definition, request.history.run);
  if (!begun) return std::unexpected(std::move(begun).error());
  told_run told(request, *std::move(begun));
  if (auto good = teller(told, request.history.facts)(); !good) return std::unexpected(std::move(good).error());
  return told;
}

}  // namespace squid_mesh::inline v1
