#include "targets.h"

#include "words.h"

#include <algorithm>
#include <map>

namespace squid_mesh::cli {
namespace {

constexpr std::size_t page_size = 1'000;
constexpr std::size_t most_runs = 1'000'000;

struct listed_runs {
  std::vector<run_summary> runs;
  bool are_all = true;  ///< that match; otherwise the limit has left some out
};

/// What matches, page by page.
listed_runs list_all(context& with, run_filter filter) {
  listed_runs listed;
  const std::size_t limit = filter.limit;
  progress line = with.show_progress("Looking for runs:");
  do {
    filter.limit = std::min(page_size, limit - listed.runs.size());
    run_page page = must(with.database().list_runs(filter));
    std::ranges::move(page.runs, std::back_inserter(listed.runs));
    filter.cursor = page.next_cursor;
    line.set(listed.runs.size());
  } while (!filter.cursor.empty() && listed.runs.size() < limit);
  listed.are_all = filter.cursor.empty();
  return listed;
}

listed_runs list_matching(context& with, const targets& chosen, const std::vector<run_status>& statuses) {
  if (!chosen.filter->says_something()) refuse("which runs?", "give ids, or a filter such as --workflow NAME");
  run_filter filter = chosen.filter->read(with.given.utc);
  if (filter.statuses.empty()) filter.statuses = statuses;
  return list_all(with, filter);
}

/// The runs that are named.
std::vector<run_id> named_runs(const targets& chosen) {
  if (!chosen.ids.empty() && chosen.filter->says_something()) {
    refuse("ids of runs and a filter are given", "say one of them");
  }
  std::vector<run_id> ids;
  for (const std::string& id : chosen.ids) {
    const run_id run = parse_run_id(id);
    if (std::ranges::find(ids, run) == ids.end()) ids.push_back(run);
  }
  return ids;
}

std::vector<run_id> ids_of(const listed_runs& listed) {
  std::vector<run_id> ids;
  ids.reserve(listed.runs.size());
  for (const run_summary& run : listed.runs) ids.push_back(run.id);
  return ids;
}

}  // namespace

std::shared_ptr<targets> add_filter_targets(CLI::App& command) {
  auto chosen = std::make_shared<targets>();
  chosen->filter = add_filter(command, most_runs);
  return chosen;
}

std::shared_ptr<targets> add_targets(CLI::App& command) {
  auto chosen = add_filter_targets(command);
  command.add_option("RUN", chosen->ids, "The ids of the runs; or say which by --workflow, --status and so on");
  return chosen;
}

void add_yes(CLI::App& command, targets& chosen) { command.add_flag("--yes,-y", chosen.yes, "Don't ask"); }

found_runs find_runs(context& with, const targets& chosen, const std::vector<run_status>& statuses) {
  if (std::vector<run_id> ids = named_runs(chosen); !ids.empty()) {
    const bool is_one = ids.size() == 1;
    return {.ids = std::move(ids), .is_one = is_one};
  }
  const listed_runs listed = list_matching(with, chosen, statuses);
  if (!listed.are_all) with.note("There are more, which --limit leaves out.");
  return {.ids = ids_of(listed)};
}

found_runs find_and_ask(context& with, const targets& chosen, const std::vector<run_status>& statuses,
                        std::string_view verb) {
  if (!chosen.ids.empty()) return find_runs(with, chosen, statuses);
  const listed_runs listed = list_matching(with, chosen, statuses);
  if (listed.runs.empty()) return {};
  std::map<std::string, std::size_t> counts;
  for (const run_summary& run : listed.runs) ++counts[run.workflow + ", " + std::string(to_string(run.status))];
  for (const auto& [what, count] : counts) with.note(fmt::format("{:>6}  {}", count, what));
  if (!listed.are_all) with.note("        and more, which --limit leaves out");
  if (!with.confirms(fmt::format("{} {}?", verb, count_text(listed.runs.size(), "run")), chosen.yes)) {
    throw failure{.reason = {.code = errc::conflict, .message = "nothing was done"}};
  }
  return {.ids = ids_of(listed)};
}

void do_to_all(context& with, const std::vector<run_id>& runs, std::string_view doing,
               const std::function<json(const run_id&)>& one) {
  if (runs.empty() && !with.as_json()) return with.note("No runs match.");
  json outcomes = json::array();
  std::size_t done = 0;
  {
    progress line = with.show_progress(std::string(doing), runs.size());
    for (const run_id& run : runs) {
      json outcome = {{"run", to_string(run)}};
      try {
        outcome.update(one(run));
        ++done;
      } catch (const failure& e) {
        // Without the database, no other run can be changed either.
        if (e.reason.code == errc::unavailable) throw;
        outcome["error"] = to_json(e.reason);
        line.hide();
        if (!with.as_json()) with.note(to_string(run) + ": " + e.reason.message);
      }
      outcomes.push_back(std::move(outcome));
      line.set(outcomes.size());
    }
  }
  with.tell(fmt::format("Done for {} of {}.", done, count_text(runs.size(), "run")), {{"outcomes", outcomes}});
  if (done == runs.size()) return;
  throw failure{.reason = {.message = count_text(runs.size() - done, "run") + " could not be changed"}};
}

}  // namespace squid_mesh::cli
