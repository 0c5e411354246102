#include "runtime/tick_worker.h"

#include "cron/schedule.h"
#include "model/run_job.h"
#include "runtime/start.h"

#include <algorithm>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// How long a tick waits that this process can't fire.
constexpr std::chrono::seconds other_process_pause{15};

/// The next tick of a schedule that never fires again.
constexpr time_point never{std::chrono::sys_days(std::chrono::year(9999) / 1 / 1)};

result<cron_schedule> schedule_from(const std::string& expression, const std::string& timezone) {
  const auto parsed = detail::parse_cron(expression);
  if (parsed) return cron_schedule::make(*parsed, timezone);
  return std::unexpected(
      error{.code = errc::invalid_argument, .message = "\"" + expression + "\" is not a cron expression"});
}

}  // namespace

struct tick_worker::firing {
  commit change;
  job_change job;
  std::optional<run_id> to_cancel;  ///< the run of the tick before
};

result<time_point> next_tick(const std::string& expression, const std::string& timezone, time_point after) {
  auto schedule = schedule_from(expression, timezone);
  if (!schedule) return std::unexpected(std::move(schedule).error());
  return schedule->next(after).value_or(never);
}

result<std::vector<schedule_record>> schedules_of(const definition& workflow, time_point now) {
  std::vector<schedule_record> schedules;
  for (const definition::trigger& t : workflow.triggers()) {
    if (!t.schedule) continue;
    auto next = next_tick(t.schedule->expression, t.schedule->timezone, now);
    if (!next) return std::unexpected(std::move(next).error());
    schedules.push_back({.workflow = workflow.name(),
                         .trigger = t.name,
                         .expression = t.schedule->expression,
                         .timezone = t.schedule->timezone,
                         .next_at = *next});
  }
  return schedules;
}

json schedule_context(const definition::trigger& trigger, const tick& of) {
  return {{"trigger", trigger.name},
          {"intended_at", to_string(of.at)},
          {"window", {{"start", to_string(of.window_start)}, {"end", to_string(of.at)}}},
          {"expression", trigger.schedule ? trigger.schedule->expression : ""},
          {"timezone", trigger.timezone}};
}

void tick_worker::execute(storage::claimed_job work, std::shared_ptr<jobs::slot> place) {
  auto made = plan(work.job, node_.around().clock->now());
  if (!made) {
    node_.around().log(level::warning, "a schedule can't be fired here: " + to_string(made.error()));
    made = firing{};
    made->job = {.is = job_change::kind::snooze, .at = node_.around().clock->now() + other_process_pause};
  }
  made->change.jobs.push_back({.whose = place->delivery(), .change = made->job, .releases = std::nullopt});
  std::vector<commit> commits;
  commits.push_back(std::move(made->change));
  node_.submit(std::move(commits), jobs::patience::persist,
               [this, place, to_cancel = made->to_cancel](const result<std::vector<commit_outcome>>& written) {
                 if (!written || !written->front().applied || !to_cancel) return;
                 std::vector<task> tasks;
                 tasks.emplace_back([this, place, run = *to_cancel] {
                   const event::cancelled cancel{.by = {.actor = "schedule", .reason = "the next tick came", .key = {}},
                                                 .idle = {}};
                   commands_.give(run, cancel, [place](const auto&) {});
                 });
                 node_.around().tasks->post(std::move(tasks));
               });
}

result<tick_worker::firing> tick_worker::plan(const job_row& job, time_point now) {
  const auto name = schedule_of(job);
  auto schedules = node_.store().list_schedules();
  if (!schedules) return std::unexpected(std::move(schedules).error());
  const auto row = std::ranges::find_if(*schedules, [&](const schedule_record& each) {
    return name && each.workflow == name->workflow && each.trigger == name->trigger;
  });
  firing made;
  made.job.is = job_change::kind::finish;
  if (row == schedules->end() || row->paused_at) return made;

  auto workflow = known_.find(row->workflow);
  if (!workflow) return std::unexpected(std::move(workflow).error());
  const definition::trigger* trigger = (*workflow)->find_trigger(row->trigger);
  if (trigger == nullptr || !trigger->schedule) {
    return std::unexpected(
        error{.code = errc::not_found,
              .message = "workflow " + row->workflow + " has no cron trigger " + row->trigger + " here"});
  }
  auto schedule = schedule_from(row->expression, row->timezone);
  if (!schedule) return std::unexpected(std::move(schedule).error());
  const tick_plan ticks = plan_ticks(*schedule, row->next_at, now, trigger->schedule->missed,
                                     static_cast<std::size_t>(trigger->schedule->missed_limit));
  // One tick at a time: the others are due at once.
  const time_point next = ticks.fire.size() > 1 ? ticks.fire[1].at : ticks.next.value_or(never);
  made.job = {.is = job_change::kind::snooze, .at = next};
  made.change.schedule = schedule_change{
      .workflow = row->workflow, .trigger = row->trigger, .next_at = next, .last_at = {}, .last_run = {}};
  if (ticks.fire.empty()) return made;
  made.change.schedule->last_at = ticks.fire.front().at;

  auto before = row->last_run ? node_.store().read_status(*row->last_run) : result<run_status>(run_status::completed);
  bool overlaps = before && !is_terminal(*before);
  if (overlaps) {
    // One that was imported again, after it had been deleted, will never end.
    const auto run = node_.store().read_recent(*row->last_run);
    overlaps = !run || !run->run.imported_at;
  }
  if (overlaps && trigger->schedule->overlap == overlap::skip) return made;
  if (overlaps && trigger->schedule->overlap == overlap::cancel_previous) made.to_cancel = row->last_run;
  if (auto added = add_start(made, **workflow, *trigger, ticks.fire.front(), now); !added) {
    return std::unexpected(std::move(added).error());
  }
  return made;
}

result<void> tick_worker::add_start(firing& made, const definition& workflow, const definition::trigger& trigger,
                                    const tick& of, time_point now) {
  const json payload = known_.tick_payload({.workflow = workflow.name(), .trigger = trigger.name});
  auto start = plan_start({.workflow = &workflow,
                           .trigger = trigger.name,
                           .payload = &payload,
                           .queue = queue_,
                           .max_payload_bytes = max_payload_bytes_,
                           .key = "cron:" + trigger.name + ":" + to_string(of.at),
                           .origin = {{"schedule", schedule_context(trigger, of)}}},
                          now, *node_.around().random);
  if (!start) return std::unexpected(std::move(start).error());
  made.change.run = start->run;
  made.change.start = std::move(start->start);
  made.change.inserts = std::move(start->inserts);
  made.change.schedule->last_run = made.change.run;
  return {};
}

std::vector<commit> tick_worker::orphaned(std::span<const jobs::orphan> orphans, time_point /*now*/) {
  return jobs::give_back(orphans);
}

}  // namespace squid_mesh::inline v1
