#include "progress/run_state.h"

#include "model/run_origin.h"
#include "progress/damaged.h"
#include "progress/migration.h"
#include "progress/snapshot.h"

#include <squid_mesh/detail/input_rules.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// Adds the steps before one, each after those that it waits for.
void collect_ancestors(const definition& workflow, std::size_t step, std::vector<std::size_t>& found) {
  for (const std::size_t earlier : workflow.dependencies(step)) {
    if (std::ranges::find(found, earlier) != found.end()) continue;
    collect_ancestors(workflow, earlier, found);
    found.push_back(earlier);
  }
}

/// Of `run_record::routes`.
std::optional<std::map<std::int64_t, std::size_t>> read_routes(const std::string& text) {
  std::map<std::int64_t, std::size_t> routes;
  if (text.empty()) return routes;
  try {
    for (const json& each : json::parse(text)) routes[each.at(0).get<std::int64_t>()] = each.at(1).get<std::size_t>();
    return routes;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

/// The journal calls all steps as the definition does.
result<run_state> fold_in_order(std::shared_ptr<const definition> workflow, const journal& history) {
  auto state = history.before ? restore(std::move(workflow), history.run, *history.before)
                              : begin(std::move(workflow), history.run);
  if (!state) return state;
  for (const fact& next : history.facts) {
    if (auto applied = apply(*state, next); !applied) return std::unexpected(std::move(applied).error());
  }
  return state;
}

}  // namespace

std::vector<std::string> approvers_of(const step_progress& gate) {
  std::vector<std::string> actors;
  actors.reserve(gate.approvals.size());
  for (const json& each : gate.approvals) actors.push_back(each.at("actor"));
  return actors;
}

run_status run_state::status() const {
  if (ended) return *ended;
  if (discards_results) return run_status::cancelling;
  if (!has_begun && stored_status == run_status::pending) return run_status::pending;
  std::size_t gates = 0;
  for (const std::optional<std::size_t>& step : branches) {
    if (!step) continue;
    const step_progress& progress = steps[*step];
    if (progress.status == step_status::retrying) return run_status::retrying;
    if (progress.opened && (is_gate(definition->steps()[*step].kind) || is_compensation(*step))) ++gates;
  }
  return gates > 0 && gates == active ? run_status::paused : run_status::running;
}

json run_state::visible_context(std::size_t step) const {
  if (!definition->has_dependencies()) return context;
  json visible = start_context;
  std::vector<std::size_t> before;
  collect_ancestors(*definition, step, before);
  for (const std::size_t i : before) {
    if (steps[i].output) merge_output(*definition, i, *steps[i].output, visible);
  }
  return visible;
}

void merge_output(const definition& workflow, std::size_t step, json output, json& context) {
  const std::string_view key = workflow.output_key(step);
  if (!key.empty()) {
    context[std::string(key)] = std::move(output);
  } else if (output.is_object()) {
    context.update(output);
  }
}

result<run_state> begin(std::shared_ptr<const definition> workflow, const run_record& run) {
  run_state state;
  state.id = run.id;
  state.queue = run.queue;
  state.priority = run.priority;
  state.has_deadline = run.deadline.has_value();
  state.parent = parent_of(run);
  state.label = std::make_shared<const run_label>(label_of(run));
  state.last_at = run.started_at;
  state.stored_status = run.status;
  state.context = json::parse(run.payload, nullptr, false);
  if (!state.context.is_object()) return damaged(run.id, 0, "its payload is not an object");
  const json origin = origin_of(run);
  if (origin.contains("schedule")) state.context[std::string(detail::schedule_key)] = origin["schedule"];
  if (run.imported_at) {
    state.known_routes = read_routes(run.routes);
    if (!state.known_routes) return damaged(run.id, 0, "its routes can't be read");
  }
  state.steps.resize(workflow->steps().size());
  state.branches.resize(workflow->steps().size() + workflow->lane_count());
  state.taken.resize(workflow->transitions().size());
  if (workflow->has_dependencies() || workflow->has_compensations()) state.start_context = state.context;
  for (std::size_t i = 0; i < state.steps.size(); ++i) {
    state.steps[i].branch = i;
    state.steps[i].missing = workflow->dependencies(i).size();
  }
  for (const std::size_t entry : workflow->entries()) {
    state.steps[entry].status = step_status::running;
    state.steps[entry].visits = 1;
    state.steps[entry].due_since = run.started_at;
    state.branches[entry] = entry;
    ++state.active;
  }
  state.definition = std::move(workflow);
  return state;
}

result<run_state> fold(std::shared_ptr<const definition> workflow, const journal& history) {
  const auto is_move = [](const fact& each) { return each.kind == fact_kind::run_migrated; };
  if (!std::ranges::any_of(history.facts, is_move)) return fold_in_order(std::move(workflow), history);
  if (history.before) return damaged(history.run.id, history.before->seq, "its snapshot is of an earlier definition");
  return fold_in_order(std::move(workflow), in_present_words(history));
}

run_status status_to_store(run_status stored, run_status actual, bool job_is_held) {
  const bool implied =
      job_is_held && actual == run_status::running && (stored == run_status::pending || stored == run_status::retrying);
  return implied ? stored : actual;
}

}  // namespace squid_mesh::inline v1
