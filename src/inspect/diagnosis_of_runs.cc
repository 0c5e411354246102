// What keeps runs from going on, and schedules from firing.
#include "inspect/diagnosis_rules.h"
#include "inspect/sentence.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

/// Whoever reads this wants examples, not all of them.
constexpr std::size_t examples = 3;

std::string runs_text(std::size_t count) { return count == 1 ? "1 run" : std::to_string(count) + " runs"; }

json run_ids(const std::vector<const asked_run*>& runs) {
  json ids = json::array();
  for (const asked_run* each : runs) ids.push_back(to_string(each->run));
  return ids;
}

void judge_lost(const health_reading& reading, const crew& processes, findings& found) {
  const auto& lost = reading.seen.lost;
  if (lost.empty()) return;
  std::map<std::string, std::size_t> reasons;
  for (const lost_job& each : lost) ++reasons[each.state ? std::string(jobs::to_string(*each.state)) : "deleted"];
  std::string how;  // `1 cancelled, 2 deleted`
  for (const auto& [reason, count] : reasons) how += (how.empty() ? "" : ", ") + std::to_string(count) + " " + reason;
  std::vector<std::string> commands;
  json ids = json::array();
  for (const lost_job& each : lost) {
    const std::string id = to_string(each.run);
    if (commands.size() < examples) commands.push_back("squid-mesh runs explain " + id);
    ids.push_back(id);
  }
  const std::string one = lost.size() == 1 ? to_string(lost.front().run) : "";
  found.push_back(
      {.severity = processes.has_living() ? severity::warning : severity::error,
       .check = "run_without_job",
       .subject = one,
       .summary = (one.empty() ? "Runs have" : "Run " + one + " of " + in_quotes(lost.front().workflow) + " has") +
                  " nothing that drives " + (one.empty() ? "them" : "it") +
                  " any more: somebody has removed or ended " +
                  (one.empty() ? std::to_string(lost.size()) + " of their jobs" : "its job") + " (" + how + ").",
       .advice = processes.has_living()
                     ? "A living process gives them new jobs within 15 seconds. If this stays, look at its log."
                     : "A process that works gives them new jobs: start one.",
       .commands = processes.has_living() ? commands : std::vector<std::string>{"PROGRAM work"},
       .evidence = {{"runs", std::move(ids)}}});
}

void judge_parked(const health_reading& reading, findings& found) {
  std::map<std::pair<std::string, std::string>, std::vector<const asked_run*>> places;
  for (const asked_run& each : reading.asked) {
    if (!each.why || each.why->reason != run_reason::parked_without_handler) continue;
    places[{each.workflow, each.why->evidence.value("step", "")}].push_back(&each);
  }
  for (const auto& [place, runs] : places) {
    const auto& [workflow, step] = place;
    const explanation& why = *runs.front()->why;
    const auto advice = std::ranges::find(why.next_actions, run_action::add_handler, &next_action::action);
    found.push_back(
        {.severity = severity::error,
         .check = "run_parked",
         .subject = runs.size() == 1 ? to_string(runs.front()->run) : workflow,
         .summary = runs_text(runs.size()) + " of " + in_quotes(workflow) + (runs.size() == 1 ? " is" : " are") +
                    " parked at step " + in_quotes(step) + ": the process that had " +
                    (runs.size() == 1 ? "it" : "them") + " has no handler for it.",
         .advice = advice == why.next_actions.end() ? "Start a process that has the handler." : advice->description,
         .commands = {"squid-mesh runs explain " + to_string(runs.front()->run)},
         .evidence = {{"workflow", workflow}, {"step", step}, {"runs", run_ids(runs)}}});
  }
}

void judge_blocked(const health_reading& reading, findings& found) {
  std::map<std::string, std::vector<const asked_run*>> reasons;
  for (const asked_run& each : reading.asked) {
    if (!each.why) reasons[each.why.error().message].push_back(&each);
  }
  for (const auto& [reason, runs] : reasons) {
    const std::string id = to_string(runs.front()->run);
    found.push_back(
        {.severity = severity::error,
         .check = "run_blocked",
         .subject = runs.size() == 1 ? id : runs.front()->workflow,
         .summary =
             runs_text(runs.size()) + " of " + in_quotes(runs.front()->workflow) + " can't be read: " + reason + ".",
         .advice = "If a newer version of the library has written it, let processes of that version work. Otherwise "
                   "the rows were damaged: restore them from a backup.",
         .commands = {"squid-mesh runs explain " + id, "squid-mesh definitions list"},
         .evidence = {{"runs", run_ids(runs)}, {"error", to_json(runs.front()->why.error())}}});
  }
}

void judge_compensations(const health_reading& reading, findings& found) {
  for (const asked_run& each : reading.asked) {
    if (!each.why || each.why->reason != run_reason::compensation_failed) continue;
    finding about{.severity = severity::error,
                  .check = "compensation_failed",
                  .subject = to_string(each.run),
                  .summary = "Run " + to_string(each.run) + " of " + in_quotes(each.workflow) +
                             " waits for somebody. " + each.why->summary,
                  .evidence = {{"run", to_string(each.run)}, {"workflow", each.workflow}}};
    for (const next_action& action : each.why->next_actions) {
      if (action.action == run_action::cancel || action.command.empty()) continue;
      about.advice += (about.advice.empty() ? "" : " ") + action.description;
      about.commands.push_back(action.command);
    }
    found.push_back(std::move(about));
  }
}

}  // namespace

void judge_runs(const health_reading& reading, const crew& processes, findings& found) {
  judge_lost(reading, processes, found);
  judge_parked(reading, found);
  judge_blocked(reading, found);
  judge_compensations(reading, found);
}

void judge_schedules(const health_reading& reading, const crew& processes, findings& found) {
  for (const schedule_health& each : reading.seen.schedules) {
    const schedule_record& is = each.is;
    const std::string name = in_quotes(is.trigger) + " of " + in_quotes(is.workflow);
    const std::string words = shell_word(is.workflow) + " " + shell_word(is.trigger);
    finding about{.check = {},
                  .subject = is.workflow + " " + is.trigger,
                  .summary = {},
                  .evidence = {{"workflow", is.workflow},
                               {"trigger", is.trigger},
                               {"next_at", to_string(is.next_at)},
                               {"queue", each.queue}}};
    if (is.paused_at) {
      about.severity = severity::notice;
      about.check = "schedule_paused";
      about.summary = "Schedule " + name + " is paused, since " + instant_text(*is.paused_at) + ": it starts nothing.";
      about.advice = "Resume it, when the reason for the pause is gone.";
      about.commands = {"squid-mesh schedules resume " + words};
    } else if (!each.has_job) {
      about.severity = processes.has_living() ? severity::warning : severity::error;
      about.check = "schedule_without_job";
      about.summary =
          "Schedule " + name + " has lost the job that fires it: somebody has deleted, cancelled or discarded it.";
      about.advice = processes.has_living()
                         ? "A living process gives it a new one within 15 seconds. If this stays, look at its log."
                         : "A process that works gives it a new one: start one.";
      about.commands = {processes.has_living() ? "squid-mesh schedules list" : "PROGRAM work"};
    } else if (reading.now - is.next_at > reading.options.patience) {
      about.severity = severity::error;
      about.check = "schedule_overdue";
      about.summary = "Schedule " + name + " should have fired at " + instant_text(is.next_at) + ", " +
                      duration_text(reading.now - is.next_at) + " ago.";
      about.advice =
          "Its job waits on queue " + in_quotes(each.queue) +
          ": see to it that a process which has the workflow works on that queue, and that the queue is not paused. "
          "To start a run at once, trigger it by hand.";
      about.commands = {"squid-mesh queues list", "squid-mesh schedules trigger " + words};
    } else {
      continue;
    }
    found.push_back(std::move(about));
  }
}

}  // namespace squid_mesh::inline v1
