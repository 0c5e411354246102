// What is in the database beside runs: definitions, nodes and queues.
#include "commands.h"
#include "words.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace squid_mesh::cli {
namespace {

constexpr std::size_t short_fingerprint = 12;

template <class View>
void print_all(const context& with, const char* name, const std::vector<View>& all) {
  json list = json::array();
  for (const View& each : all) list.push_back(to_json(each));
  with.print({{name, std::move(list)}});
}

/// `10`, and `10/25` where all processes together may do no more than 25: as `work --queue` reads it.
std::string limit_text(std::size_t limit, const std::optional<std::size_t>& everywhere) {
  return std::to_string(limit) + (everywhere ? "/" + std::to_string(*everywhere) : "");
}

/// `mail=5, squid_mesh=10/25`
std::string limits_text(const std::vector<queue_limit>& queues) {
  std::string text;
  for (const queue_limit& each : queues) {
    text += (text.empty() ? "" : ", ") + each.queue + "=" + limit_text(each.limit, each.everywhere);
  }
  return text;
}

void list_nodes(context& with) {
  const auto nodes = must(with.database().list_nodes());
  if (with.as_json()) return print_all(with, "nodes", nodes);
  if (nodes.empty()) return with.say("No process works on this database.");
  table rows({"NODE", "ID", "STATE", "UP SINCE", "LAST HEARD OF", "QUEUES"}, 0);
  const time_point now = context::now();
  for (const node_view& each : nodes) {
    rows.add({{each.name},
              {each.id},
              each.is_alive ? cell{"alive", colour::green} : cell{"dead", colour::red},
              {with.time(each.started_at)},
              {distance_text(each.heard_of_at, now)},
              {limits_text(each.queues)}});
  }
  with.print(rows);
}

void list_queues(context& with) {
  const auto queues = must(with.database().list_queues());
  if (with.as_json()) return print_all(with, "queues", queues);
  if (queues.empty()) return with.say("No queue has work, none is paused, and no process works on one.");
  table rows({"QUEUE", "WAITING", "RUNNING", "LIMIT", "NODES", "RETRYING", "LATER", "OLDEST", ""}, 0);
  const time_point now = context::now();
  for (const queue_view& each : queues) {
    rows.add({{each.queue},
              {std::to_string(each.available)},
              {std::to_string(each.executing)},
              {limit_text(each.limit, each.everywhere)},
              {std::to_string(each.nodes)},
              {std::to_string(each.retryable)},
              {std::to_string(each.scheduled)},
              {each.waiting_since ? duration_text(now - *each.waiting_since) : ""},
              each.is_paused ? cell{"paused", colour::yellow} : cell{}});
  }
  with.print(rows);
}

void list_definitions(context& with, const std::string& workflow) {
  const auto definitions = must(with.database().list_definitions(workflow));
  if (with.as_json()) return print_all(with, "definitions", definitions);
  if (definitions.empty()) return with.say("No definitions.");
  table rows({"WORKFLOW", "VERSION", "FINGERPRINT", "ADDED"}, 0);
  for (const definition_view& each : definitions) {
    rows.add(
        {{each.workflow}, {each.version}, {each.fingerprint.substr(0, short_fingerprint)}, {with.time(each.added_at)}});
  }
  with.print(rows);
}

/// The definition of a workflow's name (its newest), or of the beginning of a fingerprint.
definition find_definition(context& with, const std::string& which) {
  std::vector<std::string> found;
  for (const definition_view& each : must(with.database().list_definitions())) {
    if (each.workflow == which) return must(with.database().find_definition(each.fingerprint));
    if (each.fingerprint.starts_with(which)) found.push_back(each.fingerprint);
  }
  if (found.size() == 1) return must(with.database().find_definition(found.front()));
  throw failure{.reason = {.code = errc::not_found,
                           .message = found.empty() ? "no definition is called " + which
                                                    : "several definitions begin with " + which},
                .hint = "`definitions list` shows them"};
}

void show_definition(context& with, const std::string& which, const std::string& format) {
  const definition found = find_definition(with, which);
  if (format == "mermaid") return with.say("{}", to_mermaid(graph_of(found)));
  if (format == "dot") return with.say("{}", to_dot(graph_of(found)));
  with.print(found.to_json());
}

void check_definition(context& with, const std::string& file) {
  const auto read = definition::from_json(with.read_json(file == "-" ? file : "@" + file, "FILE"));
  if (!read) throw failure{.reason = read.error()};
  with.tell("Workflow " + read->name() + " is well declared: " + count_text(read->steps().size(), "step") + ".",
            {{"workflow", read->name()}, {"fingerprint", read->fingerprint()}});
}

}  // namespace

void add_overview(CLI::App& app, context& with) {
  CLI::App& nodes = *app.add_subcommand("nodes", "Processes that work on the database");
  nodes.require_subcommand(1);
  nodes.add_subcommand("list", "List processes, and whether they are alive")->callback([&with] { list_nodes(with); });

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
    command.add_option("DEFINITION", *which, "A workflow's name, for its newest, or the beginning of a fingerprint")
        ->required();
    command.add_option("--format", *format, "json, mermaid or dot")
        ->check(CLI::IsMember({"json", "mermaid", "dot"}))
        ->capture_default_str();
    command.callback([&with, which, format] { show_definition(with, *which, *format); });
  }
  {
    CLI::App& command = *definitions.add_subcommand("check", "Check a definition in a JSON file; needs no database");
    auto file = std::make_shared<std::string>();
    command.add_option("FILE", *file, "The file; - for standard input")->required();
    command.callback([&with, file] { check_definition(with, *file); });
  }
}

void add_queue_list(CLI::App& queues, context& with) {
  queues.add_subcommand("list", "List queues that have work or are paused")->callback([&with] { list_queues(with); });
}

}  // namespace squid_mesh::cli
