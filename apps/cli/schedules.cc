// Cron triggers.
#include "commands.h"
#include "words.h"

#include <memory>
#include <string>

namespace squid_mesh::cli {
namespace {

void list(context& with) {
  const auto schedules = must(with.database().list_schedules());
  if (with.as_json()) {
    json all = json::array();
    for (const schedule_view& each : schedules) all.push_back(to_json(each));
    return with.print({{"schedules", all}});
  }
  if (schedules.empty()) return with.say("No schedules.");
  table rows({"WORKFLOW", "TRIGGER", "SCHEDULE", "NEXT", "LAST"}, 0);
  const time_point now = context::now();
  const bool is_narrow = with.on().is_narrow();
  for (const schedule_view& each : schedules) {
    const std::string distance = distance_text(each.next_at, now);
    const std::string next = is_narrow ? distance : with.time(each.next_at) + "  " + distance;
    std::string last;
    if (each.last_at) last = is_narrow ? distance_text(*each.last_at, now) : with.time(*each.last_at);
    rows.add({{each.workflow},
              {each.trigger},
              {each.expression + " " + each.timezone},
              each.paused ? cell{"paused", colour::yellow} : cell{next},
              {last}});
  }
  with.print(rows);
}

}  // namespace

void add_schedules(CLI::App& app, context& with) {
  CLI::App& group = *app.add_subcommand("schedules", "Cron triggers: when they fire next, and pausing them");
  group.require_subcommand(1);
  group.add_subcommand("list", "List schedules with their next ticks")->callback([&with] { list(with); });
  const auto add = [&](const char* name, const char* description, auto what) {
    CLI::App& command = *group.add_subcommand(name, description);
    auto workflow = std::make_shared<std::string>();
    auto trigger = std::make_shared<std::string>();
    command.add_option("WORKFLOW", *workflow, "The workflow's name")->required();
    command.add_option("TRIGGER", *trigger, "The trigger's name")->required();
    command.callback([workflow, trigger, what] { what(*workflow, *trigger); });
  };
  const auto tell = [&with](bool changed, const char* state) {
    with.tell(fmt::format("It is {}{}.", state, changed ? " now" : " already"),
              {{"state", state}, {"changed", changed}});
  };
  add("pause", "Let a schedule fire no more until it is resumed",
      [&with, tell](const std::string& workflow, const std::string& trigger) {
        tell(must(with.database().pause_schedule(workflow, trigger)), "paused");
      });
  add("resume", "Let a paused schedule fire again, from its next tick on",
      [&with, tell](const std::string& workflow, const std::string& trigger) {
        tell(must(with.database().resume_schedule(workflow, trigger)), "active");
      });
  add("trigger", "Start a run as a tick at this moment would",
      [&with](const std::string& workflow, const std::string& trigger) {
        const run_ref run = must(with.database().trigger_schedule(workflow, trigger));
        with.tell(to_string(run.id), {{"run", to_string(run.id)}});
      });
}

}  // namespace squid_mesh::cli
