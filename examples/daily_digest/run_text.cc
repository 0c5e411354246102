#include "run_text.h"

#include "discord_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

namespace daily_digest {
namespace {

using squid_mesh::json;
using row = std::vector<std::string>;

constexpr std::size_t widest_detail = 80;

/// Columns as wide as what is in them; the last one is not filled up.
std::string table(std::string_view title, const std::vector<row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const row& each : rows) {
    for (std::size_t i = 0; i + 1 < each.size(); ++i) widths[i] = std::max(widths[i], discord::length(each[i]));
  }
  std::string text = fmt::format("\n{}\n", title);
  for (const row& each : rows) {
    std::string line;
    for (std::size_t i = 0; i + 1 < each.size(); ++i) line += fmt::format("  {:<{}}", each[i], widths[i]);
    line += "  " + each.back();
    text.append(line, 0, line.find_last_not_of(' ') + 1).append("\n");
  }
  return text;
}

/// `09:00:00.123456` of an instant's text.
std::string time_of_day(squid_mesh::time_point at) { return squid_mesh::to_string(at).substr(11, 15); }

std::string brief(const json& details) {
  if (details.empty()) return {};
  return discord::shortened(details.dump(-1, ' ', false, json::error_handler_t::replace), widest_detail);
}

std::string message_of(const std::optional<json>& error) {
  return error && error->is_object() ? error->value("message", "") : "";
}

std::string took(const squid_mesh::attempt_view& attempt) {
  if (!attempt.ended_at) return "-";
  const std::chrono::duration<double, std::milli> time = *attempt.ended_at - attempt.started_at;
  return fmt::format("{:.1f} ms", time.count());
}

std::string attempts_table(const std::vector<squid_mesh::attempt_view>& attempts) {
  std::vector<row> rows{{"started", "step", "#", "status", "took", "node", "error"}};
  for (const auto& each : attempts) {
    rows.push_back({time_of_day(each.started_at), each.step, std::to_string(each.number),
                    std::string(to_string(each.status)), took(each), each.node, message_of(each.error)});
  }
  return table("Attempts", rows);
}

std::string steps_table(const std::vector<squid_mesh::step_view>& steps) {
  std::vector<row> rows{{"step", "kind", "status", "attempts", "output"}};
  for (const auto& each : steps) {
    rows.push_back({each.name, each.kind, std::string(to_string(each.status)), std::to_string(each.attempts.size()),
                    brief(each.output.value_or(nullptr))});
  }
  return table("Steps", rows);
}

std::string history_table(const std::vector<squid_mesh::audit_event>& history) {
  std::vector<row> rows{{"seq", "at", "event", "step", "details"}};
  for (const auto& each : history) {
    rows.push_back({std::to_string(each.seq), time_of_day(each.at), each.kind, each.step, brief(each.details)});
  }
  return table("History", rows);
}

}  // namespace

std::string event_line(const squid_mesh::audit_event& event) {
  std::string line = time_of_day(event.at) + "  ";
  line += event.step.empty() ? event.kind : fmt::format("{:<16}  {}", event.kind, event.step);
  const auto error = event.details.is_object() ? event.details.find("error") : event.details.end();
  if (error != event.details.end() && error->is_object()) line += ": " + error->value("message", "");
  return line;
}

std::string run_report(const squid_mesh::run_view& run) {
  std::string text = table("Run", {{"id", to_string(run.id)},
                                   {"workflow", run.workflow},
                                   {"trigger", run.trigger},
                                   {"status", std::string(to_string(run.status))},
                                   {"started", squid_mesh::to_string(run.started_at)},
                                   {"ended", run.ended_at ? squid_mesh::to_string(*run.ended_at) : "-"}});
  std::vector<row> payload;
  for (const auto& [name, value] : run.payload.items()) payload.push_back({name, brief(value)});
  if (!payload.empty()) text += table("Payload", payload);
  text += steps_table(run.steps) + attempts_table(run.attempts) + history_table(run.history);
  if (run.error) text += fmt::format("\nFailed: {}\n", message_of(run.error));
  return text;
}

}  // namespace daily_digest
