// Who works on the database, and what waits there.
#include "commands.h"
#include "words.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace squid_mesh::cli {
namespace {

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
              {with.on().is_narrow() ? distance_text(each.started_at, now) : with.time(each.started_at)},
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

}  // namespace

void add_overview(CLI::App& app, context& with) {
  CLI::App& nodes = *app.add_subcommand("nodes", "Processes that work on the database");
  nodes.require_subcommand(1);
  nodes.add_subcommand("list", "List processes, and whether they are alive")->callback([&with] { list_nodes(with); });
}

void add_queue_list(CLI::App& queues, context& with) {
  queues.add_subcommand("list", "List queues that have work or are paused")->callback([&with] { list_queues(with); });
}

}  // namespace squid_mesh::cli
