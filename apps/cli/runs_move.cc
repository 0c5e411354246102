// Runs as documents, and old runs going.
#include "commands.h"
#include "filters.h"
#include "words.h"

#include <fstream>
#include <memory>
#include <string>

namespace squid_mesh::cli {
namespace {

void export_run(context& with, const run_id& id, const std::string& file) {
  const json document = must(with.database().export_run(id));
  if (file.empty() || file == "-") return with.print(document);
  std::ofstream out(file, std::ios::binary);
  out << document.dump(2) << '\n';
  if (!out.flush())
    throw failure{.reason = {.code = errc::storage, .message = "the file " + file + " can't be written"}};
  with.note("Run " + to_string(id) + " is in " + file + ", with its secrets masked.");
}

void prune(context& with, const retention_policy& policy, const prune_options& how, bool yes) {
  const std::string of = policy.workflow.empty() ? "" : " of workflow " + policy.workflow;
  if (!with.confirms("Delete finished runs" + of + ", with their history?", yes)) {
    throw failure{.reason = {.code = errc::conflict, .message = "nothing was done"}};
  }
  const prune_report report = must(with.database().prune_runs(policy, how));
  with.tell(count_text(report.pruned, "run") + " deleted." +
                (report.pruned == how.limit ? " There may be more: raise --limit." : ""),
            {{"pruned", report.pruned}});
}

}  // namespace

void add_moving(CLI::App& runs, context& with) {
  {
    CLI::App& command = *runs.add_subcommand("export", "Write a run as one JSON document, its secrets masked");
    auto id = std::make_shared<std::string>();
    auto file = std::make_shared<std::string>();
    command.add_option("RUN", *id, "The run's id")->required();
    command.add_option("--output,-o", *file, "The file to write; default: standard output");
    command.callback([&with, id, file] { export_run(with, parse_run_id(*id), *file); });
  }
  {
    CLI::App& command = *runs.add_subcommand("import", "Take in an exported run, to be looked at");
    auto file = std::make_shared<std::string>();
    command.add_option("FILE", *file, "The document; - for standard input")->required();
    command.callback([&with, file] {
      const json document = with.read_json(*file == "-" ? *file : "@" + *file, "FILE");
      const run_ref run = must(with.database().import_run(document));
      with.tell(to_string(run.id) + (run.existing ? "  (it is here already)" : ""),
                {{"run", to_string(run.id)}, {"existing", run.existing}});
    });
  }
  {
    CLI::App& command = *runs.add_subcommand("remove-import", "Delete a run that was imported");
    auto id = std::make_shared<std::string>();
    command.add_option("RUN", *id, "The run's id")->required();
    command.callback([&with, id] {
      must(with.database().remove_imported_run(parse_run_id(*id)));
      with.tell("Run " + *id + " is gone.", {{"run", *id}, {"removed", true}});
    });
  }
}

void add_prune(CLI::App& app, context& with) {
  struct choice {
    retention_policy policy;
    std::string age;
    std::vector<std::string> statuses;
    std::optional<std::size_t> keep;
    std::size_t limit = 1000;
    bool yes = false;
  };
  CLI::App& command = *app.add_subcommand("prune", "Delete finished runs that are too old or too many");
  auto chosen = std::make_shared<choice>();
  command.add_option("--workflow", chosen->policy.workflow, "Only of this workflow; default: of each for itself");
  command.add_option("--older-than", chosen->age, "Those that ended before: 30d");
  command.add_option("--keep", chosen->policy.keep, "But not so many of the newest of each workflow");
  command.add_option("--status", chosen->statuses, "Only those that ended so: completed, failed, cancelled")
      ->delimiter(',');
  command.add_option("--limit", chosen->limit, "At most so many")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  command.add_flag("--yes,-y", chosen->yes, "Don't ask");
  command.callback([&with, chosen] {
    if (!chosen->age.empty()) chosen->policy.max_age = read_duration(chosen->age, "--older-than");
    for (const std::string& each : chosen->statuses) {
      const auto status = parse_run_status(each);
      if (!status) refuse("--status: there is no status " + each);
      chosen->policy.statuses.push_back(*status);
    }
    if (!chosen->policy.max_age && !chosen->policy.keep) refuse("which runs?", "say --older-than or --keep, or both");
    prune(with, chosen->policy, {.limit = chosen->limit, .pause = milliseconds(20)}, chosen->yes);
  });
}

}  // namespace squid_mesh::cli
