// What the tests of the command line share: a database of either kind with a host that works on it, and commands.
#pragma once

#include "cli/run_command.h"
#include "language/language_world.h"

#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::testing {

class commands : public language {
 protected:
  static constexpr int refused = static_cast<int>(exit_code::refused);
  static constexpr int usage = static_cast<int>(exit_code::usage);

  /// A command on the database.
  said run(std::vector<std::string> words, const std::string& input = {}, cli::terminal on = {}) {
    words.insert(words.begin(), {"--database", database_->url(), "--utc"});
    return run_command(std::move(words), input, on);
  }
  /// The same, with its result as JSON.
  json told(std::vector<std::string> words) {
    words.insert(words.begin(), "--json");
    const said made = run(std::move(words));
    if (made.code != 0) throw std::runtime_error(made.err);
    return made.document();
  }

  std::string status(const std::string& id) { return told({"runs", "show", id}).at("status"); }
  bool becomes(const std::string& id, const std::string& wanted) {
    return until([&] { return status(id) == wanted; });
  }

  static inline constexpr auto order = workflow({
      .name = "shop.order",
      .version = "1",
      .triggers = {{.name = "manual", .payload = {{"item", type::string}, {"key", type::string, secret}}}},
      .steps = {{"reserve", bound_action}, {"release", approval{}}, {"ship", bound_action}, {"refuse", bound_action}},
      .transitions = {{"reserve", on::ok, "release"},
                      {"release", on::ok, "ship"},
                      {"release", on::error, "refuse"},
                      {"ship", on::ok, complete},
                      {"refuse", on::ok, complete}},
  });

  /// A host that works on orders.
  mesh working() {
    mesh host = open("host");
    must(host.add(order, {{"reserve", note({{"reserved", 1}})}, {"ship", note()}, {"refuse", note()}}));
    must(host.start());
    return host;
  }
  /// An order that waits to be released.
  std::string waiting_order(const mesh& host) {
    const json started = told({"runs", "start", "shop.order", "--payload", R"({"item": "lamp", "key": "hush-hush"})"});
    const std::string id = started.at("run");
    if (!reaches(host, *run_id::parse(id), run_status::paused)) throw std::runtime_error("it isn't paused");
    return id;
  }
};

}  // namespace squid_mesh::testing
