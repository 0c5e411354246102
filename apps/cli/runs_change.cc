// Starting runs and giving them commands, one at a time or all that match.
#include "commands.h"
#include "targets.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
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

/// What a command that may be for many runs does to one.
using change = std::function<command_receipt(const run_id&)>;

void change_all(context& with, const found_runs& found, std::string_view doing, const change& one) {
  if (found.is_one) return print_receipt(with, found.ids.front(), one(found.ids.front()));
  do_to_all(with, found.ids, doing, [&](const run_id& run) -> json {
    const command_receipt receipt = one(run);
    return {{"status", to_string(receipt.status)}, {"repeated", receipt.repeated}};
  });
}

const std::vector<run_status> live{run_status::pending, run_status::running, run_status::retrying, run_status::paused};
const std::vector<run_status> ended{run_status::completed, run_status::failed, run_status::cancelled};

// -- The commands

void add_start(CLI::App& runs, context& with) {
  struct choice {
    std::string workflow, payload = "{}", after, at, time_limit;
    start_options how;
  };
  CLI::App& command = *runs.add_subcommand("start", "Start a run");
  auto chosen = std::make_shared<choice>();
  command.add_option("WORKFLOW", chosen->workflow, "The workflow's name")->required();
  command.add_option("--payload", chosen->payload, "JSON, @FILE, or - for standard input")
      ->type_name("JSON")
      ->capture_default_str();
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

/// What a command is called, and how it is asked for and shown.
struct naming {
  const char* name;
  const char* description;
  const char* verb;
  const char* doing;
};

void add_decision(CLI::App& runs, context& with, const naming& called,
                  result<command_receipt> (mesh::*decide)(const run_id&, const gate_decision&)) {
  struct choice {
    std::string metadata;
    gate_decision decision;
  };
  CLI::App& command = *runs.add_subcommand(called.name, called.description);
  auto which = add_targets(command);
  auto chosen = std::make_shared<choice>();
  command.add_option("--actor", chosen->decision.actor, "Who decides; needed for approvals");
  command.add_option("--comment", chosen->decision.comment, "Why; in the gate's output");
  command.add_option("--step", chosen->decision.step, "Which gate, where several are open");
  command.add_option("--metadata", chosen->metadata, "For the gate's output: JSON, @FILE, or -")->type_name("JSON");
  command.add_option("--key", chosen->decision.idempotency_key, "Decide once under this key");
  add_yes(command, *which);
  const bool wants_actor = decide != static_cast<decltype(decide)>(&mesh::unblock_run);
  command.callback([&with, which, chosen, decide, called, wants_actor] {
    if (wants_actor && chosen->decision.actor.empty()) refuse("who decides?", "say --actor NAME");
    if (!chosen->metadata.empty()) chosen->decision.metadata = with.read_json(chosen->metadata, "--metadata");
    change_all(with, find_and_ask(with, *which, {run_status::paused}, called.verb), called.doing,
               [&](const run_id& id) { return must((with.database().*decide)(id, chosen->decision)); });
  });
}

void add_signal(CLI::App& runs, context& with) {
  struct choice {
    std::string run, event, data;
    signal_options how;
  };
  CLI::App& command = *runs.add_subcommand("signal", "Bring an event to runs; it is kept until a step takes it");
  auto chosen = std::make_shared<choice>();
  command.add_option("RUN", chosen->run, "The run's id; left out where --workflow, --status and so on say which");
  command.add_option("EVENT", chosen->event, "The event's name");
  auto which = add_filter_targets(command);
  command.add_option("--data", chosen->data, "JSON, @FILE, or - for standard input")->type_name("JSON");
  command.add_option("--actor", chosen->how.actor, "Who brings it");
  command.add_option("--key", chosen->how.idempotency_key, "Bring it once under this key");
  add_yes(command, *which);
  command.callback([&with, which, chosen] {
    // With a filter there is one word, and that is the event.
    if (chosen->event.empty() && which->filter->says_something()) chosen->event.swap(chosen->run);
    if (chosen->event.empty()) refuse("which event?", "say RUN EVENT, or EVENT and a filter such as --workflow NAME");
    if (!chosen->run.empty()) which->ids = {chosen->run};
    const json data = chosen->data.empty() ? json() : with.read_json(chosen->data, "--data");
    change_all(
        with, find_and_ask(with, *which, live, "Bring " + chosen->event + " to"), "Signalling",
        [&](const run_id& id) { return must(with.database().signal_run(id, chosen->event, data, chosen->how)); });
  });
}

void add_cancel(CLI::App& runs, context& with) {
  CLI::App& command = *runs.add_subcommand("cancel", "Cancel runs that have not ended");
  auto which = add_targets(command);
  auto said = add_command_options(command);
  add_yes(command, *which);
  command.callback([&with, which, said] {
    change_all(with, find_and_ask(with, *which, live, "Cancel"), "Cancelling",
               [&](const run_id& id) { return must(with.database().cancel_run(id, said->by)); });
  });
}

void add_retry(CLI::App& runs, context& with) {
  CLI::App& command = *runs.add_subcommand("retry", "Let failed runs go on where they failed");
  auto which = add_targets(command);
  auto said = add_command_options(command);
  auto input = std::make_shared<std::string>();
  command.add_option("--input", *input, "What steps read instead of their input: {\"STEP\": {...}}, @FILE, or -")
      ->type_name("JSON");
  add_yes(command, *which);
  command.callback([&with, which, said, input] {
    retry_options how{said->by};
    if (!input->empty()) how.input = with.read_json(*input, "--input");
    change_all(with, find_and_ask(with, *which, {run_status::failed}, "Retry"), "Retrying",
               [&](const run_id& id) { return must(with.database().retry_run(id, how)); });
  });
}

void add_replay(CLI::App& runs, context& with) {
  CLI::App& command = *runs.add_subcommand("replay", "Start new runs with the payloads of old ones");
  auto which = add_targets(command);
  auto said = add_command_options(command);
  auto how = std::make_shared<replay_options>();
  command.add_flag("--newest-definition", how->newest_definition,
                   "By the workflow's newest definition, not by the old run's");
  command.add_flag("--allow-irreversible", how->allow_irreversible,
                   "Although steps have completed in it that can't be undone");
  add_yes(command, *which);
  command.callback([&with, which, said, how] {
    static_cast<squid_mesh::command&>(*how) = said->by;
    const found_runs found = find_and_ask(with, *which, ended, "Replay");
    const auto replay = [&](const run_id& id) { return must(with.database().replay_run(id, *how)); };
    if (found.is_one) return print_start(with, replay(found.ids.front()));
    do_to_all(with, found.ids, "Replaying", [&](const run_id& id) -> json {
      const run_ref run = replay(id);
      return {{"replayed_as", to_string(run.id)}, {"existing", run.existing}};
    });
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
  command.add_option("--rename", chosen->renamed, "OLD=NEW: how a step is called there")
      ->delimiter(',')
      ->allow_extra_args(false);
  add_yes(command, *which);
  command.callback([&with, which, said, chosen] {
    migrate_options how{said->by};
    how.definition = chosen->definition;
    for (const std::string& pair : chosen->renamed) {
      const std::size_t equals = pair.find('=');
      if (equals == std::string::npos) refuse("--rename: \"" + pair + "\" is not OLD=NEW");
      how.steps[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    change_all(with, find_and_ask(with, *which, live, "Migrate"), "Migrating",
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
  add_decision(runs, with, {"approve", "Approve at an approval gate", "Approve", "Approving"}, &mesh::approve_run);
  add_decision(runs, with, {"reject", "Reject at an approval gate", "Reject", "Rejecting"}, &mesh::reject_run);
  add_decision(runs, with, {"unblock", "End a pause", "Unblock", "Unblocking"}, &mesh::unblock_run);
  add_signal(runs, with);
  add_retry(runs, with);
  add_replay(runs, with);
  add_migrate(runs, with);
  add_compensation(runs, with);
}

}  // namespace squid_mesh::cli
