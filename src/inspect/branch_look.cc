#include "inspect/branch_look.h"

#include "inspect/sentence.h"

#include <algorithm>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

bool has_ended(jobs::state state) {
  return state == jobs::state::completed || state == jobs::state::discarded || state == jobs::state::cancelled;
}

/// Of a run that is ending, everything that still goes on.
run_reason reason_of_ending(const run_state& state) {
  if (!state.discards_results) return run_reason::failing;
  return state.ending == run_status::cancelled ? run_reason::cancelling : run_reason::deadline_passed;
}

/// Of a run that has no jobs here: what its journal says.
run_reason reason_by_journal(const step_progress& progress) {
  if (progress.status == step_status::retrying) return run_reason::waiting_for_retry;
  return progress.opened ? run_reason::waiting_for_time : run_reason::imported;
}

/// Of a step whose job nobody executes.
run_reason reason_by_job(const told_run& told, std::size_t step, time_point now) {
  const step_progress& progress = told.state.steps[step];
  const job_row* const job = told.job_of(step);
  if (told.run.imported_at) return reason_by_journal(progress);
  if (job == nullptr || has_ended(job->state)) return run_reason::job_missing;
  const bool has_time = job->state != jobs::state::available && job->scheduled_at > now;
  if (!has_time) return run_reason::waiting_for_worker;
  if (progress.status == step_status::retrying) return run_reason::waiting_for_retry;
  if (progress.opened) return run_reason::waiting_for_time;
  return told.state.has_begun ? run_reason::waiting_for_worker : run_reason::waiting_to_start;
}

run_reason reason_of(const told_run& told, std::size_t step, time_point now) {
  const step_progress& progress = told.state.steps[step];
  const step_kind kind = told.declared(step).kind;
  const job_row* const job = told.job_of(step);
  if (told.state.winds_down()) return reason_of_ending(told.state);
  if (progress.opened && told.state.is_compensation(step)) return run_reason::compensation_failed;
  if (progress.opened && is_gate(kind)) {
    return kind == step_kind::pause ? run_reason::paused : run_reason::waiting_for_approval;
  }
  if (progress.opened && kind == step_kind::await_event) return run_reason::waiting_for_event;
  if (progress.opened && kind == step_kind::child) return run_reason::waiting_for_child;
  if (job != nullptr && job->state == jobs::state::executing) return run_reason::running_step;
  if (progress.parked) return run_reason::parked_without_handler;
  if (progress.opened && kind == step_kind::for_each) return run_reason::running_elements;
  return reason_by_job(told, step, now);
}

branch_look look_at(const told_run& told, std::size_t step, time_point now) {
  const step_progress& progress = told.state.steps[step];
  const job_row* const job = told.job_of(step);
  const auto running = told.running(step);
  branch_look look{.step = step,
                   .reason = reason_of(told, step, now),
                   .since = progress.due_since,
                   .until = progress.until,
                   .waits_for = {}};
  if (progress.opened && !told.state.is_compensation(step)) look.since = told.steps[step].opened_at;
  if (running) {
    look.since = running->since;
    look.until.reset();
  } else if (look.reason == run_reason::parked_without_handler) {
    look.since = told.steps[step].parked->at;
  } else if (look.reason == run_reason::waiting_to_start) {
    look.until = job->scheduled_at;
  } else if (look.reason == run_reason::waiting_for_worker) {
    look.since = std::max(progress.until.value_or(progress.due_since), progress.due_since);
    look.until = job->scheduled_at > now ? std::optional(job->scheduled_at) : std::nullopt;
    if (!told.state.has_begun && !look.until) look.since = std::max(*look.since, job->scheduled_at);
  }
  return look;
}

/// A step that waits for others, though some of those that it waited for have completed.
std::optional<branch_look> look_at_waiting(const told_run& told, std::size_t step) {
  const auto dependencies = told.state.definition->dependencies(step);
  const step_progress& progress = told.state.steps[step];
  const bool waits =
      progress.status == step_status::pending && progress.missing > 0 && progress.missing < dependencies.size();
  if (!waits || told.state.ended || told.state.ending) return std::nullopt;
  branch_look look{.step = step, .reason = run_reason::waiting_for_siblings, .since = {}, .until = {}, .waits_for = {}};
  for (const std::size_t before : dependencies) {
    if (told.state.steps[before].status != step_status::completed) look.waits_for.push_back(told.declared(before).name);
  }
  return look;
}

/// `attempt 2 of 3`, `attempt 2`, or nothing where there is no more to say than that it is the first.
std::string attempt_text(const told_run& told, std::size_t step, int number) {
  const int allowed = told.declared(step).retry.max_attempts;
  if (allowed > 1) return "attempt " + std::to_string(number) + " of " + std::to_string(allowed);
  return number > 1 ? "attempt " + std::to_string(number) : "";
}

/// ` since 2026-11-22 09:00:00 UTC`
std::string since(const branch_look& look) { return look.since ? " since " + instant_text(*look.since) : ""; }

/// `; WHAT at 2026-11-22 09:00:00 UTC if IF`, or nothing where it has no end.
std::string otherwise(const branch_look& look, std::string_view what, std::string_view condition) {
  if (!look.until) return "";
  return "; " + std::string(what) + " at " + instant_text(*look.until) + " if " + std::string(condition);
}

std::string clause_about_gate(const told_run& told, const branch_look& look) {
  const definition::step& step = told.declared(look.step);
  if (step.kind == step_kind::pause) {
    return "Paused at " + in_quotes(step.name) + since(look) + " until somebody unblocks it" +
           otherwise(look, "expires", "nobody does");
  }
  return "Waiting for approval of " + in_quotes(step.name) + since(look) + ": " +
         std::to_string(told.state.steps[look.step].approvals.size()) + " of " +
         (step.quorum == 1 ? "1 person has" : std::to_string(step.quorum) + " people have") + " approved" +
         otherwise(look, step.on_expiry == expiry::reject ? "rejected" : "fails", "nobody decides");
}

std::string clause_about_running(const told_run& told, const branch_look& look) {
  const auto running = told.running(look.step);
  const std::string node = running && !running->node.empty() ? " on " + running->node : "";
  const std::string attempt = attempt_text(told, look.step, told.state.steps[look.step].counted + 1);
  return "Step " + in_quotes(told.declared(look.step).name) + " has been running" + node + since(look) +
         (attempt.empty() ? "" : " (" + attempt + ")");
}

std::string clause_about_retry(const told_run& told, const branch_look& look) {
  const std::string attempt = attempt_text(told, look.step, told.state.steps[look.step].counted);
  const json error = told.steps[look.step].error.value_or(json());
  return "Step " + in_quotes(told.declared(look.step).name) + " failed (" + (attempt.empty() ? "" : attempt + ": ") +
         message_text(error) + ") and is tried again at " + instant_text(look.until.value_or(told.state.last_at));
}

std::string clause_about_queue(const told_run& told, const branch_look& look) {
  const std::string step = in_quotes(told.declared(look.step).name);
  const std::string queue = "queue " + in_quotes(told.job_of(look.step)->queue);
  if (!look.until) return "Step " + step + " has waited for a worker on " + queue + since(look);
  return "Step " + step + " waits for a worker on " + queue + ", which gets its job again at " +
         instant_text(*look.until);
}

/// The run for whose end a step waits, as far as it is known.
json child_evidence(const told_run& told, std::size_t step) {
  const run_id id = told.state.steps[step].child.value_or(run_id());
  json out = {{"run", to_string(id)}, {"workflow", told.declared(step).child.workflow}};
  const auto found = std::ranges::find(told.children, id, &run_record::id);
  if (found != told.children.end()) out["status"] = to_string(found->shown_status);
  return out;
}

std::string clause_about_child(const told_run& told, const branch_look& look) {
  const json child = child_evidence(told, look.step);
  return "Step " + in_quotes(told.declared(look.step).name) + " has waited" + since(look) + " for run " +
         child["run"].get<std::string>() + " of workflow " + in_quotes(child["workflow"].get<std::string>()) +
         (child.contains("status") ? ", which is " + child["status"].get<std::string>() : "");
}

std::string clause_about_elements(const told_run& told, const branch_look& look) {
  const element_list& list = *told.state.steps[look.step].elements;
  std::string text = "Step " + in_quotes(told.declared(look.step).name) + " has completed " +
                     std::to_string(list.completed()) + " of " + count_text(list.size(), "element") + since(look);
  if (list.failed() > 0) text += ", " + std::to_string(list.failed()) + " failed";
  if (list.retrying() > 0) text += ", " + std::to_string(list.retrying()) + " wait for a retry";
  return text;
}

json job_evidence(const job_row& job) {
  return {{"id", job.id.value},
          {"state", to_string(job.state)},
          {"queue", job.queue},
          {"scheduled_at", to_string(job.scheduled_at)}};
}

void add_attempt(json& out, const told_run& told, const branch_look& look) {
  const definition::step& step = told.declared(look.step);
  if (!needs_worker(step.kind) || !told.state.is_active(look.step)) return;
  out["attempt"] = told.state.steps[look.step].counted + 1;
  if (step.retry.max_attempts != retry_policy::unset) out["max_attempts"] = step.retry.max_attempts;
  if (const auto running = told.running(look.step)) out["node"] = running->node;
}

void add_what_is_awaited(json& out, const told_run& told, const branch_look& look) {
  const definition::step& step = told.declared(look.step);
  if (step.kind == step_kind::await_event) out["event"] = step.event;
  if (look.reason == run_reason::waiting_for_child) out["child"] = child_evidence(told, look.step);
  if (const auto& list = told.state.steps[look.step].elements) out["elements"] = to_json(view_of(*list));
  if (step.kind == step_kind::approval) {
    out["approvals"] = approvers_of(told.state.steps[look.step]);
    out["quorum"] = step.quorum;
  }
  if (is_gate(step.kind)) out["on_expiry"] = to_string(step.on_expiry);
  if (!look.waits_for.empty()) out["waits_for"] = look.waits_for;
}

}  // namespace

std::vector<branch_look> look_at_branches(const told_run& told, time_point now) {
  std::vector<branch_look> looks;
  for (std::size_t i = 0; i < told.steps.size(); ++i) {
    if (told.state.is_active(i)) {
      looks.push_back(look_at(told, i, now));
    } else if (auto waiting = look_at_waiting(told, i)) {
      looks.push_back(*std::move(waiting));
    }
  }
  // The reasons are declared in the order of how much they need a person.
  std::ranges::stable_sort(looks, {}, &branch_look::reason);
  return looks;
}

json to_evidence(const told_run& told, const branch_look& look) {
  const definition::step& step = told.declared(look.step);
  json out = {
      {"step", step.name}, {"kind", kind_of(*told.state.definition, look.step)}, {"reason", to_string(look.reason)}};
  if (look.since) out["since"] = to_string(*look.since);
  if (look.until) out["until"] = to_string(*look.until);
  add_attempt(out, told, look);
  add_what_is_awaited(out, told, look);
  if (const auto& error = told.steps[look.step].error) out["error"] = *error;
  const job_row* const job = told.state.is_active(look.step) ? told.job_of(look.step) : nullptr;
  if (job != nullptr) out["job"] = job_evidence(*job);
  return out;
}

std::string clause_about(const told_run& told, const branch_look& look) {
  const std::string step = "Step " + in_quotes(told.declared(look.step).name);
  switch (look.reason) {
    case run_reason::waiting_for_approval:
    case run_reason::paused:
      return clause_about_gate(told, look);
    case run_reason::compensation_failed:
      return "The compensation of step " +
             in_quotes(told.declared(*told.state.definition->compensated_by(look.step)).name) + " failed" +
             since(look) + " (" + message_text(told.steps[look.step].error.value_or(json())) +
             "), and waits until somebody retries it, skips it or marks it done";
    case run_reason::parked_without_handler: {
      const std::string& node = told.steps[look.step].parked->node;
      return step + " waits for a process that has a handler for it" + since(look) + "; " +
             (node.empty() ? "the last one" : node) + " has none";
    }
    case run_reason::waiting_for_retry:
      return clause_about_retry(told, look);
    case run_reason::running_elements:
      return clause_about_elements(told, look);
    case run_reason::waiting_for_child:
      return clause_about_child(told, look);
    case run_reason::waiting_for_event:
      return step + " has waited for the event " + in_quotes(told.declared(look.step).event) + since(look) +
             otherwise(look, "gives up", "it does not come");
    case run_reason::waiting_for_time:
      return step + " waits until " + instant_text(look.until.value_or(told.state.last_at));
    case run_reason::job_missing:
      return step + " has lost its place on the queue; a worker gives it a new one soon";
    case run_reason::imported:
      return step + " was due or running" + since(look);
    case run_reason::running_step:
      return clause_about_running(told, look);
    case run_reason::waiting_to_start:
      return "Nothing has begun; " + in_quotes(told.declared(look.step).name) + " is to start at " +
             instant_text(look.until.value_or(told.state.last_at));
    case run_reason::waiting_for_siblings:
      return step + " waits for " + list_text(look.waits_for);
    default:
      return clause_about_queue(told, look);
  }
}

}  // namespace squid_mesh::inline v1
