// Looking for what is wrong.
#include "commands.h"
#include "filters.h"
#include "words.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace squid_mesh::cli {
namespace {

cell severity_cell(severity of) {
  switch (of) {
    case severity::ok:
      return {"ok", colour::green};
    case severity::notice:
      return {"notice", colour::blue};
    case severity::warning:
      return {"WARNING", colour::yellow};
    case severity::error:
      return {"ERROR", colour::red};
  }
  return {};
}

void print_finding(const context& with, const finding& found) {
  const cell shown = severity_cell(found.severity);
  with.say("{}  {}", with.on().painted(fmt::format("{:<7}", shown.text), shown.with), found.summary);
  if (found.severity == severity::ok) return;
  if (!found.advice.empty()) with.say("         {}", found.advice);
  for (const std::string& each : found.commands) with.say_command(13, each);
  with.say("         {}\n", with.on().painted("(" + found.check + ")", colour::grey));
}

/// `2 errors, 1 warning`
std::string counts_of(const diagnosis& seen) {
  std::array<std::size_t, 4> counts{};
  for (const finding& each : seen.findings) ++counts.at(static_cast<std::size_t>(each.severity));
  std::vector<std::string> parts;
  for (const severity each : {severity::error, severity::warning, severity::notice}) {
    const std::size_t count = counts.at(static_cast<std::size_t>(each));
    if (count > 0) parts.push_back(count_text(count, to_string(each)));
  }
  return list_text(parts);
}

void examine(context& with, const diagnose_options& how) {
  // Not through `context::database`: what keeps it from opening is what is looked for, and workflows of the host's are
  // not to be added by a look.
  const diagnosis seen =
      mesh::diagnose_database({.database = with.database_url(), .log = [](level, std::string_view) {}}, how);
  if (with.as_json()) {
    with.print(to_json(seen));
  } else {
    for (const finding& each : seen.findings) print_finding(with, each);
    const std::string counts = counts_of(seen);
    with.say("{}{}", seen.is_healthy() ? "Nothing is wrong" : "Found: " + counts,
             seen.is_healthy() && !counts.empty() ? "; " + counts + "." : ".");
  }
  if (!seen.is_healthy()) throw early_exit{exit_code::failed};
}

}  // namespace

void add_doctor(CLI::App& app, context& with) {
  CLI::App& command =
      *app.add_subcommand("doctor", "Look for what keeps runs and jobs from going on, and say what to do");
  command.footer(
      "Reads the oldest runs that have not ended and the jobs that are due, a bounded number of each, and changes "
      "nothing.\nExit codes: 0 where nothing is wrong, notices aside; 1 where there are warnings or errors, among them "
      "a database that can't be opened; 2 the command line can't be understood.");
  struct choice {
    diagnose_options how;
    std::string patience;
  };
  auto chosen = std::make_shared<choice>();
  command.add_option("--patience", chosen->patience, "What is due for longer has waited too long: 60s, 5m");
  command.add_option("--runs", chosen->how.max_runs, "Look at so many runs of each status at most")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command
      .add_option("--explain", chosen->how.max_explained, "Explain so many of them at most, the suspicious ones first")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command.callback([&with, chosen] {
    if (!chosen->patience.empty()) chosen->how.patience = read_duration(chosen->patience, "--patience");
    examine(with, chosen->how);
  });
}

}  // namespace squid_mesh::cli
