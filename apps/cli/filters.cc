#include "filters.h"

#include "words.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace squid_mesh::cli {
namespace {

/// Who is at the terminal, for the history.
std::string user_name() {
  const char* const name = std::getenv("USER");  // NOLINT(concurrency-mt-unsafe): nobody sets it.
  return name == nullptr ? "" : name;
}

std::vector<std::string> status_names() {
  std::vector<std::string> names;
  for (const run_status each :
       {run_status::pending, run_status::running, run_status::retrying, run_status::paused, run_status::failed,
        run_status::completed, run_status::cancelling, run_status::cancelled}) {
    names.emplace_back(to_string(each));
  }
  return names;
}

/// A moment: an instant, or a duration before now.
time_point read_moment(const std::string& text, bool utc, const std::string& option) {
  if (const auto ago = parse_duration(text)) return context::now() - *ago;
  return read_instant(text, utc, option);
}

}  // namespace

run_filter filter_options::read(bool utc) const {
  run_filter filter{.workflow = workflow, .limit = limit};
  for (const std::string& each : statuses) {
    const auto status = parse_run_status(each);
    if (!status) refuse("--status: there is no status " + each);
    filter.statuses.push_back(*status);
  }
  if (!parent.empty()) filter.parent = parse_run_id(parent);
  if (!since.empty()) filter.started_from = read_moment(since, utc, "--since");
  if (!until.empty()) filter.started_before = read_moment(until, utc, "--until");
  return filter;
}

bool filter_options::says_something() const {
  return !workflow.empty() || !statuses.empty() || !parent.empty() || !since.empty() || !until.empty();
}

std::shared_ptr<filter_options> add_filter(CLI::App& command, std::size_t most) {
  auto chosen = std::make_shared<filter_options>();
  command.add_option("--workflow", chosen->workflow, "Only runs of this workflow");
  command.add_option("--status", chosen->statuses, "Only runs in these states, with commas between them")
      ->check(one_of(status_names()))
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--parent", chosen->parent, "Only runs that this one has started");
  command.add_option("--since", chosen->since, "Started since: 2h, 3d, 2026-11-25T13:00");
  command.add_option("--until", chosen->until, "Started before");
  command.add_option("--limit", chosen->limit, "At most so many")
      ->check(CLI::Range(std::size_t{1}, most))
      ->capture_default_str();
  return chosen;
}

std::shared_ptr<command_options> add_command_options(CLI::App& command) {
  auto chosen = std::make_shared<command_options>();
  chosen->by.actor = user_name();
  command.add_option("--actor", chosen->by.actor, "Who does it, for the history; default: $USER");
  command.add_option("--reason", chosen->by.reason, "Why, for the history");
  command.add_option("--key", chosen->by.idempotency_key, "Do it once under this key");
  return chosen;
}

CLI::Validator one_of(std::vector<std::string> values) {
  const std::string all = CLI::detail::join(values, ",");
  return {[values = std::move(values)](const std::string& given) {
            if (std::ranges::find(values, given) != values.end()) return std::string();
            return "there is no \"" + given + "\"; there are " + list_text(values);
          },
          "{" + all + "}"};
}

milliseconds read_duration(const std::string& text, const std::string& option) {
  const auto length = parse_duration(text);
  if (!length) refuse(option + ": \"" + text + "\" is not a duration", "such as 90s, 5m, 1h30m, 2d");
  return *length;
}

time_point read_instant(const std::string& text, bool utc, const std::string& option) {
  const auto at = parse_instant(text, utc);
  if (!at) refuse(option + ": \"" + text + "\" is not a time", "such as 2026-11-25T13:00, or with a Z in UTC");
  return *at;
}

}  // namespace squid_mesh::cli
