#include "commands.h"
#include "help.h"
#include "manual.h"
#include "run.h"
#include "words.h"

#include <squid_mesh/command_line.hpp>
#include <squid_mesh/version.hpp>

#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::cli {
namespace {

exit_code code_of(errc code) {
  switch (code) {
    case errc::invalid_argument:
    case errc::invalid_definition:
    case errc::invalid_payload:
    case errc::missing_input:
      return exit_code::usage;
    case errc::not_found:
      return exit_code::not_found;
    case errc::conflict:
      return exit_code::refused;
    case errc::unavailable:
    case errc::in_doubt:
    case errc::schema_mismatch:
      return exit_code::unavailable;
    default:
      return exit_code::failed;
  }
}

void add_commands(CLI::App& app, context& with, const std::string& version) {
  CLI::App& runs = *app.add_subcommand("runs", "Runs of workflows: look at them, start them, and change them");
  runs.require_subcommand(1);
  add_looking(runs, with);
  add_changing(runs, with);
  add_moving(runs, with);
  add_schedules(app, with);
  add_queues(app, with);
  add_jobs(app, with);
  add_overview(app, with);
  add_definitions(app, with);
  add_prune(app, with);
  add_metrics(app, with);
  add_doctor(app, with);
  add_schema(app, with);
  if (with.host().set_up) add_work(app, with);
  add_about(app, with, version);
}

void print_error(const context& with, const failure& what) {
  if (with.as_json()) {
    json document = {{"error", to_json(what.reason)}};
    if (!what.hint.empty()) document["hint"] = what.hint;
    return with.note(document.dump(2, ' ', false, json::error_handler_t::replace));
  }
  with.note(with.host().program + ": " + what.reason.message);
  for (const problem& each : what.reason.problems) with.note("  " + each.path + ": " + each.message);
  if (!what.hint.empty()) with.note("  " + what.hint);
}

/// `squid-mesh runs list`: the command at which the words have arrived.
std::string path_of(const CLI::App& at) {
  const CLI::App* const above = at.get_parent();
  return above == nullptr ? at.get_name() : path_of(*above) + " " + at.get_name();
}

/// What is wrong with the words, and what to try.
failure usage_failure(const CLI::App& app, const CLI::ParseError& e) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  std::vector<std::string> commands;
  for (const CLI::App* const each : at->get_subcommands({})) commands.push_back(each->get_name());
  const std::vector<std::string> unknown = app.remaining(true);
  error reason{.code = errc::invalid_argument, .message = e.what()};
  if (!unknown.empty() && unknown.front().starts_with('-')) {
    reason.message = "there is no option " + unknown.front();
  } else if (!unknown.empty()) {
    reason.message = (commands.empty() ? "this is one word too many: " : "there is no command ") + unknown.front();
  } else if (!commands.empty()) {
    reason.message = "which command? " + path_of(*at) + " has " + list_text(commands);
  }
  return {.reason = std::move(reason), .hint = "`" + path_of(*at) + " --help` says what there is"};
}

}  // namespace

int run(const command_line& host, int argc, const char* const* argv, const streams& io) {
  CLI::App app(host.description, host.program);
  context with(host, io);
  app.formatter(std::make_shared<help_formatter>());
  app.get_formatter()->label("Positionals", "Arguments");
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(command_footer(host.program));  // Of all commands, which inherit it.
  const std::string version = host.version.empty() ? std::string(version_string) : host.version;
  app.set_version_flag("--version", version);
  app.add_option("--database", with.given.database, "sqlite:PATH or postgresql://...")->envname("SQUID_MESH_DATABASE");
  app.add_flag("--json", with.given.as_json, "Print JSON");
  app.add_flag("--utc", with.given.utc, "Times in UTC, not in the local time zone");
  add_commands(app, with, version);
  app.footer(help_footer(host.program));
  try {
    app.parse(argc, argv);
    return static_cast<int>(exit_code::done);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() != 0) {
      print_error(with, usage_failure(app, e));
      return static_cast<int>(exit_code::usage);
    }
    app.exit(e, io.out, io.err);
    return static_cast<int>(exit_code::done);
  } catch (const early_exit& e) {
    return static_cast<int>(e.code);
  } catch (const failure& e) {
    print_error(with, e);
    return static_cast<int>(code_of(e.reason.code));
  } catch (const std::exception& e) {
    print_error(with, {.reason = {.code = errc::internal, .message = e.what()}});
    return static_cast<int>(exit_code::failed);
  }
}

}  // namespace squid_mesh::cli

namespace squid_mesh::inline v1 {

int run_command_line(const command_line& host, int argc, const char* const* argv) {
  return cli::run(host, argc, argv,
                  {.in = std::cin, .out = std::cout, .err = std::cerr, .on = cli::terminal::of_process()});
}

}  // namespace squid_mesh::inline v1
