#include "inspect/next_actions.h"

#include "inspect/sentence.h"
#include "progress/replay.h"

#include <algorithm>
#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// Lists actions for one run.
class adviser {
 public:
  adviser(const told_run& told, const std::vector<branch_look>& looks)
      : told_(told), looks_(looks), id_(to_string(told.run.id)) {}

  std::vector<next_action> operator()() {
    if (told_.state.ended) {
      add_for_end(*told_.state.ended);
      return std::move(actions_);
    }
    for (const branch_look& look : looks_) add_for(look);
    if (actions_.empty()) {
      add(run_action::wait, "Wait: nothing has to be done.", "mesh.await_run(RUN, TIMEOUT)", "");
    }
    if (told_.state.ending != run_status::cancelled) {
      add(run_action::cancel, "Cancel the run.", "mesh.cancel_run(RUN, {.actor = NAME})", "cancel " + id_);
    }
    return std::move(actions_);
  }

 private:
  void add(run_action action, std::string description, std::string call, const std::string& command) {
    const bool is_known = std::ranges::any_of(
        actions_, [&](const next_action& known) { return known.action == action && known.call == call; });
    if (is_known) return;
    actions_.push_back({.action = action,
                        .description = std::move(description),
                        .call = std::move(call),
                        .command = command.empty() ? "" : "squid-mesh runs " + command});
  }

  void add_for_end(run_status end) {
    if (end == run_status::failed && !told_.state.compensating) {
      add(run_action::retry, "Let the run go on where it failed, when the cause is gone.",
          "mesh.retry_run(RUN, {{.actor = NAME}})", "retry " + id_);
    }
    const std::vector<std::string> against = steps_against_replay(told_.state);
    if (against.empty()) {
      add(run_action::replay, "Start a new run with the same payload.", "mesh.replay_run(RUN, {{.actor = NAME}})",
          "replay " + id_);
    } else {
      add(run_action::replay,
          "Start a new run with the same payload, if what can't be undone may be done again: " + list_text(against) +
              ".",
          "mesh.replay_run(RUN, {.allow_irreversible = true})", "replay " + id_ + " --allow-irreversible");
    }
  }

  void add_for(const branch_look& look) {
    const definition::step& step = told_.declared(look.step);
    switch (look.reason) {
      case run_reason::waiting_for_approval:
        return add_decisions(look);
      case run_reason::paused:
        return add(run_action::unblock, "End the pause " + in_quotes(step.name) + ".",
                   "mesh.unblock_run(RUN, {.actor = NAME" + step_argument(look) + "})",
                   "unblock " + id_ + " --actor NAME" + step_option(look));
      case run_reason::compensation_failed:
        return add_resolutions(in_quotes(step.name));
      case run_reason::waiting_for_event:
        return add(run_action::signal, "Bring the event " + in_quotes(step.event) + ", for which it waits.",
                   "mesh.signal_run(RUN, " + in_quotes(step.event) + ", DATA)",
                   "signal " + id_ + " " + shell_word(step.event) + " --data JSON");
      case run_reason::waiting_for_child: {
        const std::string child = to_string(told_.state.steps[look.step].child.value_or(run_id()));
        return add(run_action::explain_child, "See why run " + child + " has not ended.",
                   "mesh.explain_run(" + child + ")", "explain " + child);
      }
      case run_reason::parked_without_handler:
        if (step.kind == step_kind::child) {
          return add(run_action::add_handler,
                     "Start a process that knows workflow " + in_quotes(step.child.workflow) + ".",
                     "mesh.add(WORKFLOW)", "");
        }
        return add(run_action::add_handler,
                   "Start a process that has a handler for step " + in_quotes(step.name) + " of workflow " +
                       in_quotes(told_.run.workflow) + ".",
                   "mesh.add(WORKFLOW, {{" + in_quotes(step.name) + ", HANDLER}})", "");
      case run_reason::waiting_for_worker:
        return add(run_action::work,
                   "Make sure that a process works on queue " + in_quotes(told_.job_of(look.step)->queue) +
                       ", and that it has free slots.",
                   "mesh.start({.queues = {{" + in_quotes(told_.job_of(look.step)->queue) + "}}})", "");
      default:
        return;
    }
  }

  void add_resolutions(const std::string& step) {
    const std::string said = "(RUN, {.actor = NAME, .reason = TEXT})";
    const std::string options = " " + id_ + " --actor NAME --reason TEXT";
    add(run_action::retry_compensation, "Try " + step + " again, when the cause is gone.",
        "mesh.retry_compensation(RUN, {.actor = NAME})", "compensation retry " + id_ + " --actor NAME");
    add(run_action::mark_compensated, "Mark " + step + " as done, when you have seen to it by other means.",
        "mesh.mark_compensated" + said, "compensation done" + options);
    add(run_action::skip_compensation, "Skip " + step + ", and leave what was done as it is.",
        "mesh.skip_compensation" + said, "compensation skip" + options);
  }

  void add_decisions(const branch_look& look) {
    const std::string step = in_quotes(told_.declared(look.step).name);
    const auto approvers = approvers_of(told_.state.steps[look.step]);
    const std::string others = approvers.empty() ? "" : ", as somebody else than " + list_text(approvers);
    const std::string arguments = "(RUN, {.actor = NAME" + step_argument(look) + "})";
    const std::string options = " " + id_ + " --actor NAME" + step_option(look);
    add(run_action::approve, "Approve " + step + others + ".", "mesh.approve_run" + arguments, "approve" + options);
    add(run_action::reject, "Reject " + step + ".", "mesh.reject_run" + arguments, "reject" + options);
  }

  /// Whether a command has to say which gate it means.
  [[nodiscard]] bool has_several_gates() const {
    return std::ranges::count_if(looks_, [](const branch_look& look) {
             return look.reason == run_reason::waiting_for_approval || look.reason == run_reason::paused;
           }) > 1;
  }
  [[nodiscard]] std::string step_argument(const branch_look& look) const {
    return has_several_gates() ? ", .step = " + in_quotes(told_.declared(look.step).name) : "";
  }
  [[nodiscard]] std::string step_option(const branch_look& look) const {
    return has_several_gates() ? " --step " + shell_word(told_.declared(look.step).name) : "";
  }

  const told_run& told_;
  const std::vector<branch_look>& looks_;
  const std::string id_;
  std::vector<next_action> actions_;
};

}  // namespace

std::vector<next_action> actions_for(const told_run& told, const std::vector<branch_look>& looks) {
  return adviser(told, looks)();
}

}  // namespace squid_mesh::inline v1
