// Plain jobs, and the queues they are on.
#include "commands.h"
#include "filters.h"
#include "words.h"

#include <squid_mesh/jobs.hpp>

#include <memory>
#include <string>
#include <vector>

namespace squid_mesh::cli {
namespace {

/// Another look at the same database.
jobs::engine open_jobs(context& with) {
  with.database();  // Checks that it is there.
  return must(jobs::engine::open(
      {.database = with.database_url(), .migrate = false, .log = [&with](level severity, std::string_view line) {
         if (severity >= level::warning) with.note(std::string(line));
       }}));
}

cell state_cell(jobs::state state) {
  cell shown{.text = std::string(to_string(state))};
  if (state == jobs::state::executing) shown.with = colour::blue;
  if (state == jobs::state::retryable) shown.with = colour::yellow;
  if (state == jobs::state::completed) shown.with = colour::green;
  if (state == jobs::state::discarded) shown.with = colour::red;
  return shown;
}

void list(context& with, const jobs::job_filter& filter) {
  const auto all = must(open_jobs(with).list(filter));
  if (with.as_json()) {
    json documents = json::array();
    for (const jobs::job& each : all) documents.push_back(to_json(each));
    return with.print({{"jobs", documents}});
  }
  if (all.empty()) return with.say("No jobs.");
  table rows({"JOB", "STATE", "QUEUE", "WORKER", "ATTEMPT", "DUE", "ARGS"}, 6);
  const time_point now = context::now();
  for (const jobs::job& each : all) {
    rows.add({{to_string(each.id)},
              state_cell(each.state),
              {each.queue},
              {each.worker},
              {fmt::format("{} of {}", each.attempt, each.max_attempts)},
              {distance_text(each.scheduled_at, now)},
              {each.args.dump()}});
  }
  with.print(rows);
}

void show(context& with, job_id id) {
  const jobs::job job = must(open_jobs(with).find(id));
  if (with.as_json()) return with.print(to_json(job));
  const cell state = state_cell(job.state);
  with.say("Job {} of worker {} on queue {} is {}.", to_string(job.id), job.worker, job.queue,
           with.on().painted(state.text, state.with));
  with.say("Attempt {} of {}, priority {}, due {}.", job.attempt, job.max_attempts, job.priority,
           with.time(job.scheduled_at));
  if (!job.attempted_by.empty() && job.attempted_at) {
    with.say("Last fetched by {} at {}.", job.attempted_by.front(), with.time(*job.attempted_at));
  }
  with.say("Args {}", job.args.dump());
  if (!job.meta.empty()) with.say("Meta {}", job.meta.dump());
  for (const json& each : job.errors) {
    with.say("Attempt {} failed: {}", each.value("attempt", 0), each.value("error", each.dump()));
  }
}

void add_enqueue(CLI::App& group, context& with) {
  struct choice {
    jobs::new_job job;
    std::string args = "{}", after;
  };
  CLI::App& command = *group.add_subcommand("enqueue", "Put a job on a queue, for any worker that shares the table");
  auto chosen = std::make_shared<choice>();
  command.add_option("WORKER", chosen->job.worker, "Who handles it")->required();
  command.add_option("--args", chosen->args, "JSON, @FILE, or - for standard input")
      ->type_name("JSON")
      ->capture_default_str();
  command.add_option("--queue", chosen->job.queue, "The queue")->capture_default_str();
  command.add_option("--tag", chosen->job.tags, "A tag; may be repeated")->allow_extra_args(false);
  command.add_option("--priority", chosen->job.priority, "0 (first) to 9")->check(CLI::Range(0, 9));
  command.add_option("--max-attempts", chosen->job.max_attempts, "How often it is tried")->capture_default_str();
  command.add_option("--after", chosen->after, "Not before: 10m");
  command.callback([&with, chosen] {
    chosen->job.args = with.read_json(chosen->args, "--args");
    if (!chosen->after.empty()) chosen->job.scheduled_at = context::now() + read_duration(chosen->after, "--after");
    const job_id id = must(open_jobs(with).enqueue(chosen->job));
    with.tell(to_string(id), {{"job", id.value}});
  });
}

}  // namespace

void add_jobs(CLI::App& app, context& with) {
  CLI::App& group = *app.add_subcommand("jobs", "Rows of the job table: runs' jobs, and plain ones");
  group.require_subcommand(1);
  {
    struct choice {
      jobs::job_filter filter;
      std::vector<std::string> states;
    };
    CLI::App& command = *group.add_subcommand("list", "List jobs, the newest first");
    auto chosen = std::make_shared<choice>();
    command.add_option("--queue", chosen->filter.queue, "Only of this queue");
    command.add_option("--worker", chosen->filter.worker, "Only of this worker");
    command.add_option("--state", chosen->states, "Only in these states, with commas between them")
        ->check(one_of(
            {"available", "scheduled", "executing", "retryable", "completed", "discarded", "cancelled", "suspended"}))
        ->delimiter(',')
        ->allow_extra_args(false);
    command.add_option("--limit", chosen->filter.limit, "At most so many")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    command.callback([&with, chosen] {
      for (const std::string& each : chosen->states) {
        const auto state = jobs::parse_state(each);
        if (!state) refuse("--state: there is no state " + each);
        chosen->filter.states.push_back(*state);
      }
      list(with, chosen->filter);
    });
  }
  add_enqueue(group, with);
  const auto add = [&](const char* name, const char* description, auto what) {
    CLI::App& command = *group.add_subcommand(name, description);
    auto id = std::make_shared<std::int64_t>(0);
    command.add_option("JOB", *id, "The job's number")->required()->check(CLI::PositiveNumber);
    command.callback([&with, id, what] { what(with, job_id{*id}); });
  };
  add("show", "Show a job, with its errors", show);
  add("cancel", "Cancel a job that has not ended", [](context& of, job_id id) {
    must(open_jobs(of).cancel(id));
    of.tell("Job " + to_string(id) + " is cancelled.", {{"job", id.value}, {"state", "cancelled"}});
  });
  add("retry", "Make a job available again", [](context& of, job_id id) {
    must(open_jobs(of).retry(id));
    of.tell("Job " + to_string(id) + " is available.", {{"job", id.value}, {"state", "available"}});
  });
}

void add_queues(CLI::App& app, context& with) {
  CLI::App& group = *app.add_subcommand("queues", "What waits on queues; stop and go on fetching from them");
  group.require_subcommand(1);
  add_queue_list(group, with);
  const auto add = [&](const char* name, const char* description, result<void> (jobs::engine::*what)(std::string_view),
                       const char* said) {
    CLI::App& command = *group.add_subcommand(name, description);
    auto queue = std::make_shared<std::string>();
    command.add_option("QUEUE", *queue, "The queue's name")->required();
    command.callback([&with, queue, what, said] {
      jobs::engine engine = open_jobs(with);
      must((engine.*what)(*queue));
      with.tell("Queue " + *queue + " is " + said + ".", {{"queue", *queue}, {"state", said}});
    });
  };
  add("pause", "Fetch nothing more from a queue; what runs goes on", &jobs::engine::pause, "paused");
  add("resume", "Fetch from a queue again", &jobs::engine::resume, "active");
}

}  // namespace squid_mesh::cli
