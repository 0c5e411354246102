// The JSON of the read models, in one place.
#include <squid_mesh/explanation.hpp>
#include <squid_mesh/graph.hpp>
#include <squid_mesh/run.hpp>

namespace squid_mesh::inline v1 {
namespace {

void put(json& out, const char* key, const std::optional<time_point>& at) {
  if (at) out[key] = to_string(*at);
}

void put(json& out, const char* key, const std::optional<json>& value) {
  if (value) out[key] = *value;
}

template <class T>
json list(const std::vector<T>& values) {
  json out = json::array();
  for (const T& value : values) out.push_back(to_json(value));
  return out;
}

}  // namespace

json to_json(const attempt_view& attempt) {
  json out = {{"step", attempt.step},
              {"attempt", attempt.number},
              {"status", to_string(attempt.status)},
              {"started_at", to_string(attempt.started_at)},
              {"node", attempt.node}};
  put(out, "ended_at", attempt.ended_at);
  if (attempt.ended_at) out["duration_us"] = (*attempt.ended_at - attempt.started_at).count();
  put(out, "error", attempt.error);
  put(out, "retry_at", attempt.retry_at);
  if (attempt.element) out["element"] = *attempt.element;
  put(out, "output", attempt.output);
  return out;
}

json to_json(const elements_view& elements) {
  return {{"count", elements.count},
          {"completed", elements.completed},
          {"failed", elements.failed},
          {"retrying", elements.retrying}};
}

json to_json(const step_view& step) {
  json out = {{"name", step.name},
              {"kind", step.kind},
              {"status", to_string(step.status)},
              {"visits", step.visits},
              {"attempts", list(step.attempts)}};
  put(out, "input", step.input);
  put(out, "output", step.output);
  put(out, "error", step.error);
  put(out, "until", step.until);
  if (step.child) out["child"] = to_string(*step.child);
  if (step.elements) out["elements"] = to_json(*step.elements);
  return out;
}

json to_json(const audit_event& event) {
  json out = {{"seq", event.seq},
              {"at", to_string(event.at)},
              {"kind", event.kind},
              {"text", event.text},
              {"details", event.details}};
  if (!event.step.empty()) out["step"] = event.step;
  return out;
}

json to_json(const pending_event& event) { return {{"name", event.name}, {"count", event.count}}; }

json to_json(const run_summary& run) {
  json out = {{"id", to_string(run.id)},
              {"workflow", run.workflow},
              {"trigger", run.trigger},
              {"status", to_string(run.status)},
              {"started_at", to_string(run.started_at)}};
  put(out, "ended_at", run.ended_at);
  put(out, "imported_at", run.imported_at);
  return out;
}

json to_json(const parent_view& parent) {
  return {{"run", to_string(parent.run)}, {"step", parent.step}, {"key", parent.key}};
}

json to_json(const child_view& child) {
  json out = to_json(static_cast<const run_summary&>(child));
  out["step"] = child.step;
  out["key"] = child.key;
  return out;
}

json to_json(const run_view& run) {
  json out = to_json(static_cast<const run_summary&>(run));
  out["definition"] = run.definition;
  out["queue"] = run.queue;
  out["priority"] = run.priority;
  put(out, "deadline", run.deadline);
  if (!run.start_key.empty()) out["start_key"] = run.start_key;
  if (run.replay_of) out["replay_of"] = to_string(*run.replay_of);
  if (run.parent) out["parent"] = to_json(*run.parent);
  if (!run.children.empty()) out["children"] = list(run.children);
  out["payload"] = run.payload;
  out["context"] = run.context;
  out["steps"] = list(run.steps);
  out["current_steps"] = run.current_steps;
  if (run.current_step) out["current_step"] = *run.current_step;
  out["pending_events"] = list(run.pending_events);
  put(out, "error", run.error);
  if (!run.history.empty()) {
    out["attempts"] = list(run.attempts);
    out["history"] = list(run.history);
  }
  return out;
}

json to_json(const run_page& page) {
  return {{"runs", list(page.runs)}, {"next_cursor", page.next_cursor.empty() ? json() : json(page.next_cursor)}};
}

json to_json(const next_action& action) {
  json out = {{"action", to_string(action.action)}, {"description", action.description}, {"call", action.call}};
  if (!action.command.empty()) out["command"] = action.command;
  return out;
}

json to_json(const explanation& why) {
  return {{"run", to_string(why.run)},       {"workflow", why.workflow}, {"status", to_string(why.status)},
          {"reason", to_string(why.reason)}, {"summary", why.summary},   {"next_actions", list(why.next_actions)},
          {"evidence", why.evidence}};
}

json to_json(const graph_node& node) {
  return {{"id", node.id},         {"kind", node.kind},         {"status", to_string(node.status)},
          {"visits", node.visits}, {"attempts", node.attempts}, {"is_current", node.is_current}};
}

json to_json(const graph_edge& edge) {
  json out = {{"id", edge.id},
              {"from", edge.from},
              {"to", edge.to},
              {"on", edge.on},
              {"condition", edge.condition},
              {"at_most", edge.at_most},
              {"taken", edge.taken},
              {"status", to_string(edge.status)}};
  if (!edge.recovery.empty()) out["recovery"] = edge.recovery;
  return out;
}

json to_json(const run_graph& graph) {
  json out = {
      {"workflow", graph.workflow}, {"nodes", list(graph.nodes)}, {"edges", list(graph.edges)}, {"path", graph.path}};
  if (graph.run) out["run"] = to_string(*graph.run);
  if (graph.status) out["status"] = to_string(*graph.status);
  return out;
}

}  // namespace squid_mesh::inline v1
