#include "inspect/diagnosis.h"

#include "inspect/diagnosis_rules.h"
#include "inspect/sentence.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

constexpr std::array<std::string_view, 4> severities{"ok", "notice", "warning", "error"};

/// Adds a check that was passed, unless something that it looks for was found.
void add_passed(findings& found, std::initializer_list<std::string_view> looked_for, std::string summary) {
  const bool is_passed = std::ranges::none_of(found, [&](const finding& each) {
    return each.severity != severity::ok && std::ranges::find(looked_for, each.check) != looked_for.end();
  });
  if (!is_passed) return;
  found.push_back({.severity = severity::ok,
                   .check = std::string(*looked_for.begin()),
                   .subject = {},
                   .summary = std::move(summary)});
}

std::string no_run_needs_help(const health& seen) {
  const std::size_t runs = seen.live.size();
  if (runs == 0) return "No run is under way.";
  return "No run needs help: " + std::to_string(runs) + (runs == 1 ? " that has" : " that have") + " not ended " +
         (runs == 1 ? "was" : "were") + " looked at" + (seen.has_more_live ? ", the oldest of all." : ".");
}

void add_passed_checks(const health_reading& reading, const crew& processes, findings& found) {
  findings passed = found;
  const std::size_t problems = found.size();
  const std::string answer = reading.server.product + " answered in " + duration_text(reading.answered_in) + ".";
  add_passed(passed, {"database_slow", "database_read_only"}, answer);
  add_passed(passed, {"schema_too_old"}, "The schema is the one that this program needs.");
  add_passed(passed, {"clock_skew"}, "The clocks agree.");
  add_passed(passed, {"notifications_lost"}, "Processes hear of each other's work at once.");
  const std::size_t living = processes.living().size();
  add_passed(passed, {"no_workers", "node_late"},
             std::to_string(living) + (living == 1 ? " process works" : " processes work") + " on this database.");
  add_passed(passed, {"node_dead"}, "No dead process holds jobs.");
  add_passed(passed, {"queue_without_workers", "no_workers"}, "Somebody works on every queue that has due jobs.");
  add_passed(passed, {"queue_paused"}, "No queue is paused.");
  add_passed(passed, {"queue_overloaded"},
             "No job has been due for longer than " + duration_text(reading.options.patience) + ".");
  add_passed(passed, {"run_without_job", "run_parked", "run_blocked", "compensation_failed"},
             no_run_needs_help(reading.seen));
  add_passed(passed, {"schedule_overdue", "schedule_without_job", "schedule_paused"},
             reading.seen.schedules.empty()
                 ? "There are no schedules."
                 : "Schedules are on time: " + std::to_string(reading.seen.schedules.size()) + ".");
  add_passed(passed, {"job_discarded", "job_retrying"}, "No plain job has failed lately.");
  found.insert(found.end(), std::make_move_iterator(passed.begin() + static_cast<std::ptrdiff_t>(problems)),
               std::make_move_iterator(passed.end()));
}

}  // namespace

std::string_view to_string(severity of) { return severities.at(static_cast<std::size_t>(of)); }

bool diagnosis::is_healthy() const {
  return std::ranges::none_of(findings, [](const finding& each) { return each.severity >= severity::warning; });
}

json to_json(const finding& found) {
  json out = {{"severity", to_string(found.severity)}, {"check", found.check}, {"summary", found.summary}};
  if (!found.subject.empty()) out["subject"] = found.subject;
  if (!found.advice.empty()) out["advice"] = found.advice;
  if (!found.commands.empty()) out["commands"] = found.commands;
  if (!found.evidence.is_null()) out["evidence"] = found.evidence;
  return out;
}

json to_json(const diagnosis& of) {
  json all = json::array();
  for (const finding& each : of.findings) all.push_back(to_json(each));
  return {{"healthy", of.is_healthy()}, {"findings", std::move(all)}};
}

crew::crew(const health_reading& reading) : reading_(reading), now_(reading.now) {
  for (const node_record& node : reading.seen.nodes) {
    if (is_alive(node)) living_.push_back(&node);
    for (const node_queue& each : node.queues) known_.insert(each.queue);
  }
}

const node_record* crew::find(const std::string& id) const {
  const auto found = std::ranges::find(reading_.seen.nodes, id, [](const node_record& node) { return node.node.id; });
  return found == reading_.seen.nodes.end() ? nullptr : &*found;
}

std::vector<const node_record*> crew::at(const std::string& queue) const {
  std::vector<const node_record*> there;
  for (const node_record* node : living_) {
    const bool works =
        node->queues.empty() || std::ranges::find(node->queues, queue, &node_queue::queue) != node->queues.end();
    if (works) there.push_back(node);
  }
  return there;
}

std::string work_command(const std::string& queue) { return "PROGRAM work --queue " + shell_word(queue); }

diagnosis diagnose(const health_reading& reading) {
  const crew processes(reading);
  findings found;
  judge_database(reading, found);
  judge_nodes(reading, processes, found);
  judge_queues(reading, processes, found);
  judge_runs(reading, processes, found);
  judge_schedules(reading, processes, found);
  judge_jobs(reading, processes, found);
  std::ranges::stable_sort(found, std::ranges::greater(), &finding::severity);
  add_passed_checks(reading, processes, found);
  return {.findings = std::move(found)};
}

}  // namespace squid_mesh::inline v1
