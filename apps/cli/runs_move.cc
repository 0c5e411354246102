// Runs as documents, and old runs going.
#include "commands.h"
#include "targets.h"
#include "words.h"

#include <algorithm>
#include <fstream>
#include <istream>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::cli {
namespace {

/// Writes one document in lines for people, or any number with a line each.
void write_runs(context& with, const found_runs& found, std::ostream& out) {
  if (found.is_one) {
    out << must(with.database().export_run(found.ids.front())).dump(2) << '\n';
    return;
  }
  std::size_t written = 0;
  std::size_t tried = 0;
  {
    progress line = with.show_progress("Exporting", found.ids.size());
    for (const run_id& run : found.ids) {
      if (const auto document = with.database().export_run(run)) {
        out << document->dump() << '\n';
        ++written;
      } else {
        line.hide();
        with.note(to_string(run) + ": " + document.error().message);
      }
      line.set(++tried);
    }
  }
  if (written == tried) return;
  throw failure{.reason = {.message = count_text(tried - written, "run") + " could not be exported"}};
}

void export_runs(context& with, const found_runs& found, const std::string& file) {
  if (found.ids.empty()) return with.note("No runs match.");
  if (file.empty() || file == "-") return write_runs(with, found, with.out());
  std::ofstream out(file, std::ios::binary);
  const auto unwritable = [&file] {
    return failure{.reason = {.code = errc::storage, .message = "the file " + file + " can't be written"},
                   .hint = "check that its folder is there, and has room"};
  };
  if (!out) throw unwritable();
  write_runs(with, found, out);
  if (!out.flush()) throw unwritable();
  const std::string what = found.is_one
                               ? "Run " + to_string(found.ids.front()) + " is"
                               : count_text(found.ids.size(), "run") + (found.ids.size() == 1 ? " is" : " are");
  with.note(what + " in " + file + ", with secrets masked.");
}

// -- Taking runs in

/// What has become of the documents of some files.
struct imported {
  json outcomes = json::array();
  std::vector<failure> failures;
  std::size_t existing = 0;
};

void import_document(context& with, const json& document, const std::string& from, imported& all) {
  const auto run = with.database().import_run(document);
  if (!run) {
    error reason = run.error();
    reason.message = from + ": " + reason.message;
    all.outcomes.push_back({{"from", from}, {"error", to_json(run.error())}});
    all.failures.push_back({.reason = std::move(reason)});
    return;
  }
  if (run->existing) ++all.existing;
  all.outcomes.push_back({{"run", to_string(run->id)}, {"existing", run->existing}});
}

/// The documents of a file, one after the other: it may be longer than memory.
void import_file(context& with, std::istream& in, const std::string& name, progress& line, imported& all) {
  for (std::size_t number = 1; !(in >> std::ws).eof(); ++number) {
    const std::string from = name + ", document " + std::to_string(number);
    json document;
    try {
      in >> document;
    } catch (const json::parse_error& e) {
      line.hide();
      refuse(fmt::format("{} is not JSON: byte {} of it can't be there", from, e.byte),
             "what `runs export` has written can be imported; those before it are");
    }
    import_document(with, document, from, all);
    line.set(all.outcomes.size());
  }
}

imported import_files(context& with, const std::vector<std::string>& files) {
  imported all;
  progress line = with.show_progress("Importing:");
  for (const std::string& name : files) {
    if (name == "-") {
      import_file(with, with.in(), "standard input", line, all);
      continue;
    }
    std::ifstream file(name, std::ios::binary);
    if (!file) refuse("the file " + name + " can't be read");
    import_file(with, file, name, line, all);
  }
  return all;
}

void import_runs(context& with, const std::vector<std::string>& files) {
  const imported all = import_files(with, files);
  if (all.outcomes.empty()) refuse("there is no document in " + files.front());
  if (all.outcomes.size() == 1) {
    if (!all.failures.empty()) throw failure(all.failures.front());
    const json& run = all.outcomes.front();
    return with.tell(run.at("run").get<std::string>() + (all.existing > 0 ? "  (it is here already)" : ""), run);
  }
  if (!with.as_json()) {
    for (const failure& each : all.failures) {
      with.note(each.reason.message);
      for (const problem& why : each.reason.problems) with.note("  " + why.path + ": " + why.message);
    }
  }
  const std::size_t done = all.outcomes.size() - all.failures.size() - all.existing;
  with.tell(count_text(done, "run") + " imported" +
                (all.existing > 0 ? ", " + std::to_string(all.existing) + " here already." : "."),
            {{"outcomes", all.outcomes}});
  if (all.failures.empty()) return;
  throw failure{.reason = {.message = count_text(all.failures.size(), "document") + " could not be imported"}};
}

// -- Old runs

/// Page by page, until there is nothing left or the limit is reached.
std::size_t prune_all(context& with, const retention_policy& policy, std::size_t limit) {
  constexpr std::size_t page = 1'000;
  progress line = with.show_progress("Deleting runs:");
  std::size_t pruned = 0;
  while (pruned < limit) {
    const std::size_t wanted = std::min(page, limit - pruned);
    const prune_report report = must(with.database().prune_runs(policy, {.limit = wanted, .pause = milliseconds(20)}));
    pruned += report.pruned;
    line.set(pruned);
    if (report.pruned < wanted) break;
  }
  return pruned;
}

void prune(context& with, const retention_policy& policy, std::size_t limit, bool yes) {
  const std::string of = policy.workflow.empty() ? "" : " of workflow " + policy.workflow;
  if (!with.confirms("Delete finished runs" + of + ", with their history?", yes)) {
    throw failure{.reason = {.code = errc::conflict, .message = "nothing was done"}};
  }
  const std::size_t pruned = prune_all(with, policy, limit);
  with.tell(count_text(pruned, "run") + " deleted." + (pruned == limit ? " There may be more: raise --limit." : ""),
            {{"pruned", pruned}});
}

}  // namespace

void add_moving(CLI::App& runs, context& with) {
  {
    CLI::App& command = *runs.add_subcommand("export", "Write runs as JSON documents, their secrets masked");
    auto which = add_targets(command);
    auto file = std::make_shared<std::string>();
    command.add_option("--output,-o", *file, "The file to write; default: standard output. Of many, a line is each")
        ->type_name("FILE");
    command.callback([&with, which, file] { export_runs(with, find_runs(with, *which, {}), *file); });
  }
  {
    CLI::App& command = *runs.add_subcommand("import", "Take in exported runs, to be looked at");
    auto files = std::make_shared<std::vector<std::string>>();
    command.add_option("FILE", *files, "The documents; - for standard input")->required();
    command.callback([&with, files] { import_runs(with, *files); });
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
  command.add_option("--status", chosen->statuses, "Only those that ended so, with commas between them")
      ->check(one_of({"completed", "failed", "cancelled"}))
      ->delimiter(',')
      ->allow_extra_args(false);
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
    prune(with, chosen->policy, chosen->limit, chosen->yes);
  });
}

}  // namespace squid_mesh::cli
