// What is wrong with the processes, and with the queues on which they work.
#include "inspect/diagnosis_rules.h"
#include "inspect/sentence.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

std::string due_text(const due_jobs& due, time_point now) {
  const std::string count = due.has_more     ? "At least " + std::to_string(due.count) + " due jobs wait"
                            : due.count == 1 ? "1 due job waits"
                                             : std::to_string(due.count) + " due jobs wait";
  return count + " on queue " + in_quotes(due.queue) + ", since " +
         duration_text(std::max(now - due.since, microseconds(0)));
}

json due_evidence(const due_jobs& due) {
  return {{"queue", due.queue}, {"due", due.count}, {"has_more", due.has_more}, {"since", to_string(due.since)}};
}

/// What the processes on a queue do together.
struct capacity {
  std::size_t nodes = 0;
  std::optional<std::size_t> limit;       ///< none: some don't say
  std::optional<std::size_t> everywhere;  ///< the strictest
  std::size_t busy = 0;
};

capacity capacity_of(const health_reading& reading, const crew& processes, const std::string& queue) {
  capacity there{.nodes = 0, .limit = 0, .everywhere = {}};
  for (const node_record* node : processes.at(queue)) {
    ++there.nodes;
    const auto own = std::ranges::find(node->queues, queue, &node_queue::queue);
    if (own == node->queues.end()) {
      there.limit.reset();
      continue;
    }
    if (there.limit) *there.limit += own->limit;
    if (own->everywhere) there.everywhere = std::min(there.everywhere.value_or(*own->everywhere), *own->everywhere);
  }
  for (const held_jobs& held : reading.seen.held) {
    const node_record* const holder = processes.find(held.holder.id);
    if (held.queue == queue && holder != nullptr && processes.is_alive(*holder)) there.busy += held.count;
  }
  return there;
}

finding of_overload(const health_reading& reading, const crew& processes, const due_jobs& due) {
  const capacity there = capacity_of(reading, processes, due.queue);
  const std::string nodes = std::to_string(there.nodes) + (there.nodes == 1 ? " process works" : " processes work");
  finding found{.severity = severity::warning,
                .check = "queue_overloaded",
                .subject = due.queue,
                .summary = due_text(due, reading.now) + ", although " + nodes + " on it",
                .evidence = due_evidence(due)};
  found.evidence["nodes"] = there.nodes;
  found.evidence["busy"] = there.busy;
  if (there.everywhere && there.busy >= *there.everywhere) {
    found.evidence["everywhere"] = *there.everywhere;
    found.summary += ": all together may execute " + std::to_string(*there.everywhere) + " at the same time, and do.";
    found.advice =
        "More processes don't help: raise the queue's limit for all processes together (queue_limit::everywhere).";
    found.commands = {work_command(due.queue) + "=LIMIT/EVERYWHERE"};
  } else if (!there.limit || there.busy >= *there.limit) {
    if (there.limit) found.evidence["limit"] = *there.limit;
    found.summary += !there.limit        ? "."
                     : *there.limit == 1 ? ": their only slot is taken."
                                         : ": all their " + std::to_string(*there.limit) + " slots are taken.";
    found.advice = "There is more work than they get done: start another process, or give them more slots.";
    found.commands = {work_command(due.queue) + "=LIMIT", "squid-mesh queues list"};
  } else {
    found.evidence["limit"] = *there.limit;
    found.summary +=
        ", and only " + std::to_string(there.busy) + " of their " + std::to_string(*there.limit) + " slots are taken.";
    found.advice = "They don't fetch what they could: look at their logs, and whether they hang or are stopping.";
    found.commands = {"squid-mesh nodes list",
                      "squid-mesh jobs list --queue " + shell_word(due.queue) + " --state available"};
  }
  return found;
}

/// A queue on which nobody works: ours, or one that belongs to other programs on the same table.
finding of_unserved(const crew& processes, const due_jobs& due, time_point now) {
  const bool is_ours = due.is_ours || processes.knows(due.queue);
  finding found{.severity = is_ours ? severity::error : severity::notice,
                .check = "queue_without_workers",
                .subject = due.queue,
                .summary = due_text(due, now) + ", and no living process works on it.",
                .advice = "Start a process that works on it.",
                .commands = {work_command(due.queue)},
                .evidence = due_evidence(due)};
  if (!is_ours) {
    found.summary = due_text(due, now) + ", and no process of Squid Mesh has ever worked on it.";
    found.advice =
        "If it is for workers of another program, such as Oban's, look there. Otherwise start a process that works on "
        "it.";
  }
  return found;
}

void judge_absence(const health_reading& reading, const crew& processes, findings& found) {
  std::vector<std::string> waiting;
  for (const due_jobs& due : reading.seen.due) {
    if (due.is_ours || processes.knows(due.queue)) waiting.push_back(due.queue);
  }
  const bool has_runs =
      std::ranges::any_of(reading.seen.live, [](const live_record& run) { return run.status != run_status::paused; });
  const bool has_schedules =
      std::ranges::any_of(reading.seen.schedules, [](const schedule_health& each) { return !each.is.paused_at; });
  const bool has_work = has_runs || has_schedules || !waiting.empty();
  finding none{.severity = has_work ? severity::error : severity::notice,
               .check = "no_workers",
               .subject = {},
               .summary = has_work ? "No process works on this database: runs, jobs and schedules stand still."
                                   : "No process works on this database, and there is nothing to work on.",
               .advice = has_work ? "Start the program that works on it." : "",
               .commands = has_work ? std::vector<std::string>{"PROGRAM work"} : std::vector<std::string>()};
  if (!waiting.empty())
    none.summary +=
        " Due jobs wait on " + std::string(waiting.size() == 1 ? "queue " : "queues ") + list_text(waiting) + ".";
  if (!reading.seen.nodes.empty()) {
    const node_record& last = reading.seen.nodes.front();
    none.summary += " The last one, " + in_quotes(last.node.name) + ", was heard of " +
                    duration_text(reading.now - last.beat_at) + " ago.";
  }
  found.push_back(std::move(none));
}

void judge_holder(const health_reading& reading, const crew& processes, const held_jobs& held, findings& found) {
  const node_record* const holder = processes.find(held.holder.id);
  if (holder != nullptr && processes.is_alive(*holder)) return;
  if (holder == nullptr && !held.is_ours) return;  // Another program's worker.
  const bool is_rescued = !processes.at(held.queue).empty();
  const std::string name = held.holder.name.empty() ? "Somebody" : "Process " + in_quotes(held.holder.name);
  const std::string jobs = held.count == 1 ? "1 job" : std::to_string(held.count) + " jobs";
  found.push_back(
      {.severity = is_rescued ? severity::warning : severity::error,
       .check = "node_dead",
       .subject = held.holder.name,
       .summary =
           name +
           (holder != nullptr ? " is dead, not heard of for " + duration_text(reading.now - holder->beat_at) + ","
                              : " is gone,") +
           " and still holds " + jobs + " of queue " + in_quotes(held.queue) + ".",
       .advice = is_rescued ? "A living process takes that over within seconds. If this stays, look at the logs of "
                              "those that work on the queue."
                            : "Nobody takes that over: start a process that works on the queue.",
       .commands =
           is_rescued ? std::vector<std::string>{"squid-mesh nodes list"} : std::vector{work_command(held.queue)},
       .evidence = {
           {"node", held.holder.id}, {"queue", held.queue}, {"jobs", held.count}, {"since", to_string(held.since)}}});
}

}  // namespace

void judge_nodes(const health_reading& reading, const crew& processes, findings& found) {
  if (!processes.has_living()) judge_absence(reading, processes, found);
  for (const held_jobs& held : reading.seen.held) judge_holder(reading, processes, held, found);
  for (const node_record* node : processes.living()) {
    const microseconds silent = reading.now - node->beat_at;
    const microseconds lease = node->expires_at - node->beat_at;
    if (silent * 4 < lease * 3) continue;  // It is heard of four times in a lease.
    found.push_back({.severity = severity::notice,
                     .check = "node_late",
                     .subject = node->node.name,
                     .summary = "Process " + in_quotes(node->node.name) + " has not been heard of for " +
                                duration_text(silent) + "; after " + duration_text(lease) + " it is taken for dead.",
                     .advice = "It hangs or is overloaded, can't reach the database, or its clock is behind.",
                     .evidence = {{"node", node->node.id}}});
  }
}

void judge_queues(const health_reading& reading, const crew& processes, findings& found) {
  const auto due_on = [&](const std::string& queue) {
    return std::ranges::find(reading.seen.due, queue, &due_jobs::queue);
  };
  for (const paused_queue& paused : reading.seen.paused) {
    const auto due = due_on(paused.queue);
    const bool holds_up = due != reading.seen.due.end();
    const std::string since = ", paused since " + instant_text(paused.since);
    found.push_back(
        {.severity = holds_up ? severity::warning : severity::notice,
         .check = "queue_paused",
         .subject = paused.queue,
         .summary =
             holds_up ? due_text(*due, reading.now) + ", and nobody fetches them: the queue is" + since.substr(1) + "."
                      : "Queue " + in_quotes(paused.queue) + " is paused, since " + instant_text(paused.since) + ".",
         .advice = "Resume it, when the reason for the pause is gone.",
         .commands = {"squid-mesh queues resume " + shell_word(paused.queue)},
         .evidence = holds_up ? due_evidence(*due) : json{{"queue", paused.queue}}});
  }
  for (const due_jobs& due : reading.seen.due) {
    if (std::ranges::find(reading.seen.paused, due.queue, &paused_queue::queue) != reading.seen.paused.end()) continue;
    const bool is_ours = due.is_ours || processes.knows(due.queue);
    if (!processes.at(due.queue).empty()) {
      if (reading.now - due.since > reading.options.patience) found.push_back(of_overload(reading, processes, due));
    } else if (processes.has_living() || !is_ours) {  // Otherwise it is said already that nobody is there at all.
      found.push_back(of_unserved(processes, due, reading.now));
    }
  }
}

}  // namespace squid_mesh::inline v1
