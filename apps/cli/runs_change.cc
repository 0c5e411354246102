// Starting runs and giving them commands, one at a time or all that match.
#include "commands.h"
#include "filters.h"
#include "words.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace squid_mesh::cli {
namespace {

void print_receipt(const context& with, const run_id& id, const command_receipt& receipt) {
  if (with.as_json()) {
    return with.print({{"run", to_string(id)}, {"status", to_string(receipt.status)}, {"repeated", receipt.repeated}});
  }
  const cell status = status_cell(receipt.status);
  with.say("Run {} is {}{}.", to_string(id), with.on().painted(status.text, status.with),
           receipt.repeated ? "; this had been done before, nothing has changed" : "");
}

void print_start(const context& with, const run_ref& run) {
  with.tell(to_string(run.id) + (run.existing ? "  (started before, under this key)" : ""),
            {{"run", to_string(run.id)}, {"existing", run.existing}});
}

// -- One run or many

/// What a command that may be for many runs does to one.
using change = std::function<command_receipt(const run_id&)>;

/// A command of which the command line says for which runs: by their ids, or by a filter.
struct targets {
  std::vector<std::string> ids;
  std::shared_ptr<filter_options> filter;
  bool yes = false;
};

std::shared_ptr<targets> add_targets(CLI::App& command) {
  auto chosen = std::make_shared<targets>();
  command.add_option("RUN", chosen->ids, "The ids of the runs; or say which by --workflow, --status and so on");
  chosen->filter = add_filter(command);
  command.add_flag("--yes,-y", chosen->yes, "Don't ask");
  return chosen;
}

/// Shows what would be done, and asks.
std::vector<run_id> find_targets(context& with, const targets& chosen, const std::vector<run_status>& meant,
                                 const std::string& verb) {
  std::vector<run_id> runs;
  runs.reserve(chosen.ids.size());
  for (const std::string& id : chosen.ids) runs.push_back(parse_run_id(id));
  if (!runs.empty()) {
    if (chosen.filter->says_something()) refuse("ids of runs and a filter are given", "say one of them");
    return runs;
  }
  if (!chosen.filter->says_something()) refuse("which runs?", "give ids, or a filter such as --workflow NAME");
  run_filter filter = chosen.filter->read(with.given.utc);
  if (filter.statuses.empty()) filter.statuses = meant;
  const run_page page = must(with.database().list_runs(filter));
  std::map<std::string, std::size_t> by_workflow;
  for (const run_summary& run : page.runs) {
    runs.push_back(run.id);
    ++by_workflow[run.workflow + ", " + std::string(to_string(run.status))];
  }
  if (runs.empty()) return runs;
  for (const auto& [what, count] : by_workflow) with.note(fmt::format("{:>6}  {}", count, what));
  if (!page.next_cursor.empty()) with.note("        and more, which --limit leaves out");
  if (!with.confirms(fmt::format("{} {}?", verb, count_text(runs.size(), "run")), chosen.yes)) {
    throw failure{.reason = {.code = errc::conflict, .message = "nothing was done"}};
  }
  return runs;
}

void change_all(context& with, const std::vector<run_id>& runs, const change& one) {
  if (runs.empty()) return with.note("No runs match.");
  if (runs.size() == 1) return print_receipt(with, runs.front(), one(runs.front()));
  json outcomes = json::array();
  std::size_t done = 0;
  for (const run_id& run : runs) {
    try {
      const command_receipt receipt = one(run);
      ++done;
      outcomes.push_back({{"run", to_string(run)}, {"status", to_string(receipt.status)}});
    } catch (const failure& e) {
      outcomes.push_back({{"run", to_string(run)}, {"error", to_json(e.reason)}});
      if (!with.as_json()) with.note(to_string(run) + ": " + e.reason.message);
    }
  }
  with.tell(fmt::format("Done for {} of {}.", done, count_text(runs.size(), "run")), {{"outcomes", outcomes}});
  if (done < runs.size()) {
    throw failure{.reason = {.message = count_text(runs.size() - done, "run") + " could not be changed"}};
  }
}

const std::vector<run_status> live{run_status::pending, run_status::running, run_status::retrying, run_status::paused};

// -- The commands

void add_start(CLI::App& runs, context& with) {
  struct choice {
    std::string workflow, payload = "{}", after, at, time_limit;
    start_options how;
  };
  CLI::App& command = *runs.add_subcommand("start", "Start a run");
  auto chosen = std::make_shared<choice>();
  command.add_option("WORKFLOW", chosen->workflow, "The workflow's name")->required();
  command.add_option("--payload", chosen->payload, "JSON, @FILE, or - for standard input")->capture_default_str();
  command.add_option("--trigger", chosen->how.trigger, "Whose payload it is; default: the workflow's first");
  command.add_option("--key", chosen->how.idempotency_key, "Start one run at most under this key");
  command.add_option("--after", chosen->after, "Begin so much later: 10m");
  command.add_option("--at", chosen->at, "Begin at a time: 2026-11-25T13:00");
  command.add_option("--time-limit", chosen->time_limit, "Fail if it has not ended after so long");
  command.add_option("--priority", chosen->how.priority, "0 (first) to 9")->check(CLI::Range(0, 9));
  command.callback([&with, chosen] {
    if (!chosen->after.empty()) chosen->how.start_after = read_duration(chosen->after, "--after");
    if (!chosen->at.empty()) chosen->how.start_at = read_instant(chosen->at, with.given.utc, "--at");
    if (!chosen->time_limit.empty()) chosen->how.time_limit = read_duration(chosen->time_limit, "--time-limit");
    json payload = with.read_json(chosen->payload, "--payload");
    print_start(with, must(with.database_of_host().start_run(chosen->workflow, std::move(payload), chosen->how)));
  });
}

void add_decision(CLI::App& runs, context& with, const char* name, const char* description,
                  result<command_receipt> (mesh::*decide)(const run_id&, const gate_decision&)) {
  struct choice {
    std::string id, metadata;
    gate_decision decision;
  };
  CLI::App& command = *runs.add_subcommand(name, description);
  auto chosen = std::make_shared<choice>();
  command.add_option("RUN", chosen->id, "The run's id")->required();
  command.add_option("--actor", chosen->decision.actor, "Who decides; needed for approvals");
  command.add_option("--comment", chosen->decision.comment, "Why; in the gate's output");
  command.add_option("--step", chosen->decision.step, "Which gate, where several are open");
  command.add_option("--metadata", chosen->metadata, "JSON for the gate's output, @FILE, or -");
  command.add_option("--key", chosen->decision.idempotency_key, "Decide once under this key");
  command.callback([&with, chosen, decide] {
    if (!chosen->metadata.empty()) chosen->decision.metadata = with.read_json(chosen->metadata, "--metadata");
    const run_id id = parse_run_id(chosen->id);
    print_receipt(with, id, must((with.database().*decide)(id, chosen->decision)));
  });
}

void add_signal(CLI::App& runs, context& with) {
  struct choice {
    std::string id, event, data;
    signal_options how;
  };
  CLI::App& command = *runs.add_subcommand("signal", "Bring an event to a run; it is kept until a step takes it");
  auto chosen = std::make_shared<choice>();
  command.add_option("RUN", chosen->id, "The run's id")->required();
  command.add_option("EVENT", chosen->event, "The event's name")->required();
  command.add_option("--data", chosen->data, "JSON, @FILE, or - for standard input");
  command.add_option("--actor", chosen->how.actor, "Who brings it");
  command.add_option("--key", chosen->how.idempotency_key, "Bring it once under this key");
  command.callback([&with, chosen] {
    json data = chosen->data.empty() ? json() : with.read_json(chosen->data, "--data");
    const run_id id = parse_run_id(chosen->id);
    print_receipt(with, id, must(with.database().signal_run(id, chosen->event, std::move(data), chosen->how)));
  });
}

void add_cancel(CLI::App& runs, context& with) {
  CLI::App& command = *runs.add_subcommand("cancel", "Cancel runs that have not ended");
  auto which = add_targets(command);
  auto said = add_command_options(command);
  command.callback([&with, which, said] {
    change_all(with, find_targets(with, *which, live, "Cancel"),
               [&](const run_id& id) { return must(with.database().cancel_run(id, said->by)); });
  });
}

void add_retry(CLI::App& runs, context& with) {
  CLI::App& command = *runs.add_subcommand("retry", "Let failed runs go on where they failed");
  auto which = add_targets(command);
  auto said = add_command_options(command);
  auto input = std::make_shared<std::string>();
  command.add_option("--input", *input, "What steps read instead of their input: {\"STEP\": {...}}, @FILE, or -");
  command.callback([&with, which, said, input] {
    retry_options how{said->by};
    if (!input->empty()) how.input = with.read_json(*input, "--input");
    change_all(with, find_targets(with, *which, {run_status::failed}, "Retry"),
               [&](const run_id& id) { return must(with.database().retry_run(id, how)); });
  });
}

void add_replay(CLI::App& runs, context& with) {
  struct choice {
    std::string id;
    bool newest = false;
    bool allow_irreversible = false;
  };
  CLI::App& command = *runs.add_subcommand("replay", "Start a new run with the payload of an old one");
  auto chosen = std::make_shared<choice>();
  auto said = add_command_options(command);
  command.add_option("RUN", chosen->id, "The old run's id")->required();
  command.add_flag("--newest-definition", chosen->newest, "By the workflow's newest definition, not by the old run's");
  command.add_flag("--allow-irreversible", chosen->allow_irreversible,
                   "Although steps have completed in it that can't be undone");
  command.callback([&with, chosen, said] {
    replay_options how{said->by};
    how.newest_definition = chosen->newest;
    how.allow_irreversible = chosen->allow_irreversible;
    print_start(with, must(with.database().replay_run(parse_run_id(chosen->id), how)));
  });
}

void add_migrate(CLI::App& runs, context& with) {
  struct choice {
    std::string definition;
    std::vector<std::string> renamed;
  };
  CLI::App& command =
      *runs.add_subcommand("migrate", "Let live runs go on by another definition, where that fits their history");
  auto which = add_targets(command);
  auto said = add_command_options(command);
  auto chosen = std::make_shared<choice>();
  command.add_option("--definition", chosen->definition, "Its fingerprint; default: the workflow's newest");
  command.add_option("--rename", chosen->renamed, "OLD=NEW: how a step is called there")->delimiter(',');
  command.callback([&with, which, said, chosen] {
    migrate_options how{said->by};
    how.definition = chosen->definition;
    for (const std::string& pair : chosen->renamed) {
      const std::size_t equals = pair.find('=');
      if (equals == std::string::npos) refuse("--rename: \"" + pair + "\" is not OLD=NEW");
      how.steps[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    change_all(with, find_targets(with, *which, live, "Migrate"),
               [&](const run_id& id) { return must(with.database().migrate_run(id, how)); });
  });
}

void add_compensation(CLI::App& runs, context& with) {
  CLI::App& group = *runs.add_subcommand("compensation", "Say what becomes of a compensation that failed for good");
  group.require_subcommand(1);
  using resolve = result<command_receipt> (mesh::*)(const run_id&, const command&);
  const auto add = [&](const char* name, const char* description, resolve how) {
    CLI::App& command = *group.add_subcommand(name, description);
    auto id = std::make_shared<std::string>();
    auto said = add_command_options(command);
    command.add_option("RUN", *id, "The run's id")->required();
    command.callback([&with, id, said, how] {
      const run_id run = parse_run_id(*id);
      print_receipt(with, run, must((with.database().*how)(run, said->by)));
    });
  };
  add("retry", "Try it again", &mesh::retry_compensation);
  add("skip", "Leave what was done as it is; needs --reason", &mesh::skip_compensation);
  add("done", "It was made good by other means; needs --reason", &mesh::mark_compensated);
}

}  // namespace

void add_changing(CLI::App& runs, context& with) {
  add_start(runs, with);
  add_cancel(runs, with);
  add_decision(runs, with, "approve", "Approve at an approval gate", &mesh::approve_run);
  add_decision(runs, with, "reject", "Reject at an approval gate", &mesh::reject_run);
  add_decision(runs, with, "unblock", "End a pause", &mesh::unblock_run);
  add_signal(runs, with);
  add_retry(runs, with);
  add_replay(runs, with);
  add_migrate(runs, with);
  add_compensation(runs, with);
}

}  // namespace squid_mesh::cli
