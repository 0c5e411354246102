#include "manual.h"

#include <squid_mesh/command_line.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace squid_mesh::cli {
namespace {

struct example {
  std::string_view words;  ///< behind the program's name
  std::string_view what;
};
constexpr std::array<example, 5> examples{{
    {"runs list --status failed --since 2d", "What went wrong lately?"},
    {"runs explain RUN", "Why is a run where it is, and what helps?"},
    {"runs retry --workflow shop.order", "Let all failed runs of a workflow go on; shows them, and asks"},
    {"runs approve RUN --actor ann", "Decide at a gate"},
    {"definitions diff shop.order", "What has the newest definition changed?"},
}};

struct exit_line {
  exit_code code;
  std::string_view what;
};
constexpr std::array<exit_line, 6> exit_lines{{
    {exit_code::done, "done"},
    {exit_code::failed, "failed, or not as wanted: of `runs watch`, `doctor`, `migrate status`"},
    {exit_code::usage, "the command line, or what it says, can't be understood"},
    {exit_code::not_found, "not found"},
    {exit_code::refused, "refused, or not confirmed"},
    {exit_code::unavailable, "the database can't be reached or is of another version, or a port is taken"},
}};

constexpr std::array<std::array<std::string_view, 2>, 2> variables{{
    {"NO_COLOR", "Where it is set, and not empty, nothing is coloured."},
    {"USER", "Who does something, for the history, where no --actor is said."},
}};

/// Text that troff takes as it is.
std::string plain(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else if (c == '\'') {
      escaped += "\\(aq";
    } else if (c == '`') {
      escaped += "\\(ga";
    } else {
      escaped += c;
    }
  }
  // A line that begins with one of these would be a request.
  return escaped.starts_with('.') ? "\\&" + escaped : escaped;
}

std::string bold(std::string_view text) { return "\\fB" + plain(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + plain(text) + "\\fR"; }

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string argument_text(const option_words& argument) {
  const std::string text = italic(argument.value) + (argument.is_list ? "..." : "");
  return argument.is_required ? text : "[" + text + "]";
}

std::string sentence(const std::string& text) { return text.empty() || text.ends_with('.') ? text : text + "."; }

void write_option(std::string& page, const option_words& option) {
  std::string names;
  for (const std::string& name : option.names) names += (names.empty() ? "" : ", ") + bold(name);
  if (!option.value.empty()) names += " " + italic(option.value);
  page += ".TP\n" + names + "\n" + plain(sentence(details_of(option))) + "\n";
}

void write_command(std::string& page, const command_words& program, const command_words& command) {
  page += ".SS " + plain(command.path) + "\n" + plain(sentence(command.description)) + "\n.PP\n";
  page += bold(program.name + " " + command.path);
  const bool has_own =
      std::ranges::any_of(command.options, [](const auto& each) { return each.names.front() != "--help"; });
  if (has_own) page += " [" + italic("OPTION") + "...]";
  for (const option_words& argument : command.arguments) page += " " + argument_text(argument);
  page += "\n";
  for (const option_words& argument : command.arguments) {
    page += ".TP\n" + italic(argument.value) + "\n" + plain(sentence(details_of(argument))) + "\n";
  }
  for (const option_words& option : command.options) {
    if (option.names.front() != "--help") write_option(page, option);
  }
}

void write_environment(std::string& page, const command_words& program) {
  page += ".SH ENVIRONMENT\n";
  for (const option_words& option : program.options) {
    if (option.variable.empty()) continue;
    page +=
        ".TP\n" + bold(option.variable) + "\nWhat " + bold(option.names.front()) + " says where it isn\\(aqt given.\n";
  }
  for (const auto& [name, what] : variables) page += ".TP\n" + bold(name) + "\n" + plain(what) + "\n";
}

}  // namespace

std::string command_footer(const std::string& program) {
  return "--database, --json and --utc may stand here, too: see `" + program + " --help`.";
}

std::string help_footer(const std::string& program) {
  std::string text = "Examples:\n";
  for (const example& each : examples) text += fmt::format("  {} {}\n      {}\n", program, each.words, each.what);
  text += "\nExit codes:\n";
  for (const exit_line& each : exit_lines) text += fmt::format("  {}  {}\n", static_cast<int>(each.code), each.what);
  return text + fmt::format("\n`{} COMMAND --help` says the rest.", program);
}

std::string manual_page(const command_words& program, const std::string& version) {
  std::string page = fmt::format(".TH {} 1 \"\" \"{} {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n",
                                 plain(upper(program.name)), plain(program.name), plain(version), plain(program.name),
                                 plain(program.description.substr(0, program.description.find('.'))));
  page += fmt::format(".SH SYNOPSIS\n{} [{}...] {} [{}...]\n", bold(program.name), italic("OPTION"), italic("COMMAND"),
                      italic("ARGUMENT"));
  page += ".SH DESCRIPTION\n" + plain(sentence(program.description)) + "\n";
  page += plain(
              "Results go to standard output; questions, progress, hints and errors to standard error. "
              "Values of secret payload fields are masked wherever they would be shown.") +
          "\n";
  page += ".SH OPTIONS\nThey may stand before or behind a command.\n";
  for (const option_words& option : program.options) write_option(page, option);
  page += ".SH COMMANDS\n";
  visit(program, [&](const command_words& each) {
    if (!each.path.empty() && each.commands.empty()) write_command(page, program, each);
  });
  write_environment(page, program);
  page += ".SH EXIT STATUS\n";
  for (const exit_line& each : exit_lines) {
    page += fmt::format(".TP\n.B {}\n{}\n", static_cast<int>(each.code), plain(each.what));
  }
  page += ".SH EXAMPLES\n";
  for (const example& each : examples) {
    page += fmt::format(".TP\n{}\n{}\n", bold(program.name + " " + std::string(each.words)), plain(each.what));
  }
  return page;
}

}  // namespace squid_mesh::cli
