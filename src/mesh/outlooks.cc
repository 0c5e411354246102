// What becomes of runs when their workflow has changed.
#include "inspect/view.h"
#include "mesh/impl.h"
#include "progress/ahead.h"
#include "runtime/commands.h"

#include <array>
#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

constexpr std::size_t max_listed = 1000;
constexpr std::array<std::string_view, 3> outlooks{"goes_on", "waits_for_handler", "blocked"};

std::string names_of(const std::vector<std::string>& steps) {
  std::string names;
  for (const std::string& step : steps) names += (names.empty() ? "" : ", ") + step;
  return names;
}

/// Looks at what the run is at, and at what may come.
void look_at(live_run& seen, const run_state& state, const workflows& known) {
  const std::vector<bool> ahead = steps_ahead(state);
  std::vector<std::string> now;
  for (std::size_t i = 0; i < state.steps.size(); ++i) {
    const definition::step& step = state.definition->steps()[i];
    const bool is_concerned = ahead[i] || state.is_active(i);
    if (!is_concerned || !has_handler(step.kind) || known.find_handler(seen.run.workflow, step.name)) continue;
    seen.missing.push_back(step.name);
    if (state.is_active(i)) now.push_back(step.name);
  }
  if (!now.empty()) {
    seen.outlook = run_outlook::waits_for_handler;
    seen.why = "This process has no handler for " + names_of(now) + ", where the run is.";
  } else if (!seen.missing.empty()) {
    seen.why = "It goes on until it comes to a step that has no handler here: " + names_of(seen.missing) + ".";
  } else {
    seen.why = seen.is_newest ? "It has the newest definition." : "It goes on along its own, earlier definition.";
  }
}

}  // namespace

std::string_view to_string(run_outlook outlook) { return outlooks.at(static_cast<std::size_t>(outlook)); }

result<std::vector<live_run>> mesh::list_live_runs(std::string_view workflow, std::size_t limit) const {
  if (limit < 1 || limit > max_listed) return invalid("limit has to be 1 to 1,000");
  storage::store& store = impl_->workers.store();
  std::vector<run_status> live = uncancelled;
  live.push_back(run_status::cancelling);
  auto records =
      store.list_runs({.workflow = std::string(workflow), .statuses = std::move(live), .limit = limit}, std::nullopt);
  if (!records) return std::unexpected(std::move(records).error());
  const auto newest = impl_->known.newest(workflow);
  std::vector<live_run> runs;
  for (const run_record& record : *records) {
    if (record.imported_at) continue;
    live_run& seen = runs.emplace_back();
    seen.run = summarise(record);
    seen.definition = record.definition;
    seen.is_newest = newest && (*newest)->fingerprint() == record.definition;
    const auto history = store.read_recent(record.id);
    if (!history && history.error().code != errc::not_found) return std::unexpected(history.error());
    const auto state = history ? impl_->known.fold(*history) : result<run_state>(std::unexpected(history.error()));
    if (state) {
      look_at(seen, *state, impl_->known);
    } else {
      seen.outlook = run_outlook::blocked;
      seen.why = "It can't be read here: " + state.error().message + ".";
    }
  }
  return runs;
}

}  // namespace squid_mesh::inline v1
