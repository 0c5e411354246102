// Definitions of workflows: which there are, what they look like, and how they differ.
#include "commands.h"
#include "filters.h"
#include "words.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace squid_mesh::cli {
namespace {

constexpr std::size_t short_fingerprint = 12;

void list_definitions(context& with, const std::string& workflow) {
  const auto definitions = must(with.database().list_definitions(workflow));
  if (with.as_json()) {
    json all = json::array();
    for (const definition_view& each : definitions) all.push_back(to_json(each));
    return with.print({{"definitions", std::move(all)}});
  }
  if (definitions.empty()) return with.say("No definitions.");
  table rows({"WORKFLOW", "VERSION", "FINGERPRINT", "ADDED"}, 0);
  for (const definition_view& each : definitions) {
    rows.add(
        {{each.workflow}, {each.version}, {each.fingerprint.substr(0, short_fingerprint)}, {with.time(each.added_at)}});
  }
  with.print(rows);
}

/// The place, in a list of all definitions, of a workflow's newest or of what begins so.
std::size_t find_place(const std::vector<definition_view>& all, const std::string& which) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].workflow == which) return i;
    if (all[i].fingerprint.starts_with(which)) found.push_back(i);
  }
  if (found.size() == 1) return found.front();
  throw failure{.reason = {.code = errc::not_found,
                           .message = found.empty() ? "no definition is called " + which
                                                    : "several definitions begin with " + which},
                .hint = "`definitions list` shows them"};
}

definition find_definition(context& with, const std::string& which) {
  const auto all = must(with.database().list_definitions());
  return must(with.database().find_definition(all[find_place(all, which)].fingerprint));
}

definition read_definition(const context& with, const std::string& text, const std::string& argument) {
  auto read = definition::from_json(with.read_json(text, argument));
  if (!read) throw failure{.reason = std::move(read).error()};
  return *std::move(read);
}

void show_definition(context& with, const std::string& which, const std::string& format) {
  const definition found = find_definition(with, which);
  if (format == "mermaid") return with.say("{}", to_mermaid(graph_of(found)));
  if (format == "dot") return with.say("{}", to_dot(graph_of(found)));
  with.print(found.to_json());
}

void check_definition(context& with, const std::string& file) {
  const definition read = read_definition(with, file == "-" ? file : "@" + file, "FILE");
  with.tell("Workflow " + read.name() + " is well declared: " + count_text(read.steps().size(), "step") + ".",
            {{"workflow", read.name()}, {"fingerprint", read.fingerprint()}});
}

// -- How they differ

struct two_definitions {
  definition before;
  definition after;
};

two_definitions find_both(context& with, const std::string& first, const std::string& second) {
  const auto find = [&](const std::string& which, const char* argument) {
    const bool is_file = which == "-" || which.starts_with('@');
    return is_file ? read_definition(with, which, argument) : find_definition(with, which);
  };
  if (!second.empty()) return {find(first, "BEFORE"), find(second, "AFTER")};
  if (first == "-" || first.starts_with('@')) refuse("a file is to be compared with what?", "say BEFORE and AFTER");
  // The newest of a workflow comes first; behind it, the one that was there before.
  const auto all = must(with.database().list_definitions());
  const std::size_t at = find_place(all, first);
  if (at + 1 == all.size() || all[at + 1].workflow != all[at].workflow) {
    throw failure{.reason = {.code = errc::not_found,
                             .message = "no definition of " + all[at].workflow + " was there before " +
                                        all[at].fingerprint.substr(0, short_fingerprint)},
                  .hint = "say with which to compare it: BEFORE AFTER"};
  }
  return {must(with.database().find_definition(all[at + 1].fingerprint)),
          must(with.database().find_definition(all[at].fingerprint))};
}

std::string title_of(const definition& one) {
  const std::string version = one.version().empty() ? "" : " (version " + one.version() + ")";
  return one.name() + " " + one.fingerprint().substr(0, short_fingerprint) + version;
}

/// How a change of this kind is marked.
cell mark_of(change_kind kind) {
  switch (kind) {
    case change_kind::added:
      return {"+ ", colour::green};
    case change_kind::removed:
      return {"- ", colour::red};
    case change_kind::changed:
      break;
  }
  return {"~ ", colour::yellow};
}

/// `+ step ship (action)`
std::string heading_of(const context& with, const definition_change& change) {
  const bool is_whole = change.kind != change_kind::changed;
  auto [text, paint] = mark_of(change.kind);
  text += to_string(change.element);
  if (!change.name.empty()) text += " " + change.name;
  if (is_whole && !change.text.empty()) text += " (" + change.text + ")";
  return with.on().painted(text, paint);
}

void print_diff(context& with, const two_definitions& both) {
  const auto changes = diff(both.before, both.after);
  if (with.as_json()) {
    json all = json::array();
    for (const definition_change& each : changes) all.push_back(to_json(each));
    return with.print(
        {{"before", both.before.fingerprint()}, {"after", both.after.fingerprint()}, {"changes", std::move(all)}});
  }
  if (changes.empty()) return with.say("They are the same: {}.", title_of(both.after));
  with.say("{}", with.on().painted("before: " + title_of(both.before), colour::bold));
  with.say("{}", with.on().painted("after:  " + title_of(both.after), colour::bold));
  const definition_change* last = nullptr;
  for (const definition_change& each : changes) {
    const bool goes_on = last != nullptr && last->kind == change_kind::changed && last->kind == each.kind &&
                         last->element == each.element && last->name == each.name;
    if (!goes_on) with.say("{}", heading_of(with, each));
    if (each.kind == change_kind::changed) with.say("    {}", each.text);
    last = &each;
  }
}

constexpr const char* which_definition = "A workflow's name, for its newest, or the beginning of a fingerprint";

void add_diff(CLI::App& definitions, context& with) {
  CLI::App& command = *definitions.add_subcommand("diff", "Say how two definitions differ");
  auto first = std::make_shared<std::string>();
  auto second = std::make_shared<std::string>();
  command
      .add_option(
          "BEFORE", *first,
          std::string(which_definition) + ", or @FILE with JSON. Alone: against the one that was there before it")
      ->required();
  command.add_option("AFTER", *second, "The same");
  command.callback([&with, first, second] { print_diff(with, find_both(with, *first, *second)); });
}

}  // namespace

void add_definitions(CLI::App& app, context& with) {
  CLI::App& definitions = *app.add_subcommand("definitions", "Workflows as they were added to the database");
  definitions.require_subcommand(1);
  {
    CLI::App& command = *definitions.add_subcommand("list", "List definitions, the newest of each workflow first");
    auto workflow = std::make_shared<std::string>();
    command.add_option("--workflow", *workflow, "Only of this workflow");
    command.callback([&with, workflow] { list_definitions(with, *workflow); });
  }
  {
    CLI::App& command = *definitions.add_subcommand("show", "Show a definition");
    auto which = std::make_shared<std::string>();
    auto format = std::make_shared<std::string>("json");
    command.add_option("DEFINITION", *which, which_definition)->required();
    command.add_option("--format", *format, "json, mermaid or dot")
        ->check(one_of({"json", "mermaid", "dot"}))
        ->capture_default_str();
    command.callback([&with, which, format] { show_definition(with, *which, *format); });
  }
  add_diff(definitions, with);
  {
    CLI::App& command = *definitions.add_subcommand("check", "Check a definition in a JSON file; needs no database");
    auto file = std::make_shared<std::string>();
    command.add_option("FILE", *file, "The file; - for standard input")->required();
    command.callback([&with, file] { check_definition(with, *file); });
  }
}

}  // namespace squid_mesh::cli
