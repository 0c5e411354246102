// Looking at runs.
#include "commands.h"
#include "filters.h"
#include "graph_tree.h"
#include "words.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace squid_mesh::cli {
namespace {

using namespace std::chrono_literals;

void list(context& with, const run_filter& filter) {
  const run_page page = must(with.database().list_runs(filter));
  if (with.as_json()) return with.print(to_json(page));
  if (page.runs.empty()) return with.say("No runs.");
  // Ids are long: in a narrow terminal, only what tells runs apart finds room beside them.
  const bool is_narrow = with.on().is_narrow();
  std::vector<std::string> headings{"RUN", "WORKFLOW", "STATUS", "STARTED"};
  if (!is_narrow) headings.emplace_back("TOOK");
  table rows(std::move(headings), 1);
  const time_point now = context::now();
  for (const run_summary& run : page.runs) {
    const std::string took = run.ended_at ? duration_text(*run.ended_at - run.started_at) : "";
    const std::string ago = distance_text(run.started_at, now);
    std::vector<cell> row{{to_string(run.id)}, {run.workflow}, status_cell(run.status)};
    if (is_narrow) {
      row.push_back({run.imported_at ? "(imported)" : ago});
    } else {
      row.push_back({with.time(run.started_at) + "  " + ago});
      row.push_back({run.imported_at ? "(imported)" : took});
    }
    rows.add(std::move(row));
  }
  with.print(rows);
  if (!page.next_cursor.empty()) with.note("There are more: --cursor " + page.next_cursor);
}

void print_value(const context& with, std::string_view name, const std::string& value) {
  if (!value.empty()) with.say("{}{}", with.on().painted(fmt::format("{:<12}", name), colour::grey), value);
}

std::string message_of(const std::optional<json>& problem) {
  return problem && problem->is_object() ? problem->value("message", problem->dump()) : "";
}

void print_head(const context& with, const run_view& run) {
  const cell status = status_cell(run.status);
  print_value(with, "Run", to_string(run.id));
  print_value(with, "Workflow", run.workflow + " (" + run.definition.substr(0, 12) + ")");
  print_value(with, "Status", with.on().painted(status.text, status.with));
  print_value(with, "Started", with.time(run.started_at) + " by trigger " + run.trigger);
  if (run.ended_at) {
    print_value(with, "Ended", with.time(*run.ended_at) + ", after " + duration_text(*run.ended_at - run.started_at));
  }
  if (run.deadline) print_value(with, "Deadline", with.time(*run.deadline));
  if (run.imported_at) print_value(with, "Imported", with.time(*run.imported_at) + ", to be looked at");
  print_value(with, "At", list_text(run.current_steps));
  if (run.parent) print_value(with, "Parent", to_string(run.parent->run) + ", step " + run.parent->step);
  if (run.replay_of) print_value(with, "Replay of", to_string(*run.replay_of));
  print_value(with, "Key", run.start_key);
  print_value(with, "Payload", run.payload.dump());
  print_value(with, "Error", message_of(run.error));
}

void print_steps(const context& with, const run_view& run) {
  table rows({"STEP", "KIND", "STATUS", "ATTEMPTS", "OUTCOME"}, 4);
  for (const step_view& step : run.steps) {
    std::string outcome = message_of(step.error);
    if (step.output && outcome.empty()) outcome = step.output->dump();
    if (step.until) outcome = "until " + with.time(*step.until);
    rows.add({{step.name},
              {step.kind},
              {std::string(to_string(step.status)), colour_of(step.status)},
              {std::to_string(step.attempts.size())},
              {outcome}});
  }
  with.print(rows);
}

std::string event_line(const context& with, const audit_event& event) {
  return with.on().painted(with.time(event.at), colour::grey) + "  " + event.text;
}

void show(context& with, const run_id& id, bool history) {
  const run_view run = must(with.database().inspect_run(id, {.include_history = history}));
  if (with.as_json()) return with.print(to_json(run));
  print_head(with, run);
  with.say("");
  print_steps(with, run);
  if (!run.children.empty()) {
    with.say("");
    table rows({"CHILD", "WORKFLOW", "STATUS", "STEP"}, 1);
    for (const child_view& child : run.children) {
      rows.add({{to_string(child.id)}, {child.workflow}, status_cell(child.status), {child.step}});
    }
    with.print(rows);
  }
  if (history) with.say("");
  for (const audit_event& each : run.history) with.say("{}", event_line(with, each));
}

void explain(context& with, const run_id& id) {
  const explanation why = must(with.database().explain_run(id));
  if (with.as_json()) return with.print(to_json(why));
  const cell status = status_cell(why.status);
  with.say("Run {} of {} is {}.", to_string(why.run), why.workflow, with.on().painted(status.text, status.with));
  with.say("{}", why.summary);
  if (why.next_actions.empty()) return;
  with.say("\nWhat you can do:");
  for (const next_action& each : why.next_actions) {
    with.say("- {}", each.description);
    if (!each.command.empty()) with.say_command(4, each.command);
  }
}

void show_graph(context& with, const run_id& id, const std::string& format) {
  const run_graph graph = must(with.database().inspect_graph(id));
  if (with.as_json()) return with.print(to_json(graph));
  if (format == "mermaid") return with.say("{}", to_mermaid(graph));
  if (format == "dot") return with.say("{}", to_dot(graph));
  print_tree(with, graph);
}

/// Prints what happens until the run has ended. Throws where it hasn't by then, or not well.
void watch(context& with, const run_id& id, milliseconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  std::size_t seen = 0;
  while (true) {
    const run_view run = must(with.database().inspect_run(id, {.include_history = true}));
    for (; seen < run.history.size(); ++seen) {
      const audit_event& event = run.history[seen];
      with.as_json() ? with.say("{}", to_json(event).dump()) : with.say("{}", event_line(with, event));
    }
    with.out().flush();
    if (run.status == run_status::completed) return;
    if (is_terminal(run.status)) {
      throw failure{.reason = {.message = "the run is " + std::string(to_string(run.status))},
                    .hint = "`runs explain " + to_string(id) + "` says why"};
    }
    if (timeout > 0ms && std::chrono::steady_clock::now() > end) {
      throw failure{.reason = {.code = errc::timeout,
                               .message = "the run has not ended: it is " + std::string(to_string(run.status))},
                    .hint = "`runs explain " + to_string(id) + "` says what it waits for"};
    }
    std::this_thread::sleep_for(200ms);
  }
}

}  // namespace

void add_looking(CLI::App& runs, context& with) {
  {
    CLI::App& command = *runs.add_subcommand("list", "List runs, the newest first");
    auto chosen = add_filter(command);
    auto cursor = std::make_shared<std::string>();
    command.add_option("--cursor", *cursor, "Go on after a page, as that has said");
    command.callback([&with, chosen, cursor] {
      run_filter filter = chosen->read(with.given.utc);
      filter.cursor = *cursor;
      list(with, filter);
    });
  }
  const auto with_run = [&](const char* name, const char* description) {
    CLI::App* command = runs.add_subcommand(name, description);
    auto id = std::make_shared<std::string>();
    command->add_option("RUN", *id, "The run's id")->required();
    return std::pair(command, id);
  };
  {
    const auto [command, id] = with_run("show", "Show a run: its steps, attempts and children");
    auto history = std::make_shared<bool>(false);
    command->add_flag("--history", *history, "With everything that has happened to it");
    command->callback([&with, id = id, history] { show(with, parse_run_id(*id), *history); });
  }
  {
    const auto [command, id] = with_run("explain", "Say why a run is where it is, and what can be done about it");
    command->callback([&with, id = id] { explain(with, parse_run_id(*id)); });
  }
  {
    const auto [command, id] = with_run("graph", "Show where a run went, and where it can still go");
    auto format = std::make_shared<std::string>("tree");
    command->add_option("--format", *format, "tree, mermaid or dot")
        ->check(one_of({"tree", "mermaid", "dot"}))
        ->capture_default_str();
    command->callback([&with, id = id, format] { show_graph(with, parse_run_id(*id), *format); });
  }
  {
    const auto [command, id] = with_run("watch", "Print what happens to a run until it has ended");
    auto timeout = std::make_shared<std::string>();
    command->add_option("--timeout", *timeout, "Give up after so long: 90s, 5m, 2h");
    command->callback([&with, id = id, timeout] {
      watch(with, parse_run_id(*id), timeout->empty() ? 0ms : read_duration(*timeout, "--timeout"));
    });
  }
}

}  // namespace squid_mesh::cli
