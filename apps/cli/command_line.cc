#include "commands.h"
#include "run.h"

#include <squid_mesh/command_line.hpp>
#include <squid_mesh/version.hpp>

#include <exception>
#include <iostream>

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

constexpr const char* exit_codes =
    "Exit codes: 0 done; 1 failed, of `runs watch`: the run has not completed, of `doctor`: something is wrong, of "
    "`migrate status`:\n"
    "migrations are missing; 2 the command line can't be understood; 3 not found; 4 refused, or not confirmed; 5 the "
    "database can't be reached, or is of another version.";

void add_commands(CLI::App& app, context& with) {
  CLI::App& runs = *app.add_subcommand("runs", "Runs of workflows: look at them, start them, and change them");
  runs.require_subcommand(1);
  add_looking(runs, with);
  add_changing(runs, with);
  add_moving(runs, with);
  add_schedules(app, with);
  add_queues(app, with);
  add_jobs(app, with);
  add_overview(app, with);
  add_prune(app, with);
  add_metrics(app, with);
  add_doctor(app, with);
  add_schema(app, with);
  if (with.host().set_up) add_work(app, with);
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

}  // namespace

int run(const command_line& host, int argc, const char* const* argv, const streams& io) {
  CLI::App app(host.description, host.program);
  context with(host, io);
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(exit_codes);
  app.set_version_flag("--version", host.version.empty() ? std::string(version_string) : host.version);
  app.add_option("--database", with.given.database, "sqlite:PATH or postgresql://..., or SQUID_MESH_DATABASE")
      ->envname("SQUID_MESH_DATABASE");
  app.add_flag("--json", with.given.as_json, "Print JSON");
  app.add_flag("--utc", with.given.utc, "Times in UTC, not in the local time zone");
  add_commands(app, with);
  try {
    app.parse(argc, argv);
    return static_cast<int>(exit_code::done);
  } catch (const CLI::ParseError& e) {
    const bool is_asked_for = e.get_exit_code() == 0;
    app.exit(e, io.out, io.err);
    return static_cast<int>(is_asked_for ? exit_code::done : exit_code::usage);
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
