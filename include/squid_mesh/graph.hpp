// squid_mesh/graph.hpp - a run as the graph of its steps: where it went, where it is, where it can still go.
#pragma once

#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/ids.hpp>
#include <squid_mesh/run.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// A step, or the end of the run, which is called `complete` and is there where a transition leads to it.
struct graph_node {
  std::string id;    ///< the step's name
  std::string kind;  ///< as of `step_view`; `end`
  step_status status = step_status::pending;
  int visits = 0;    ///< how often the run has come to it
  int attempts = 0;  ///< those that have begun
  bool is_current = false;
};

enum class edge_status {
  selected,  ///< It was followed. Of dependencies: its step has completed.
  skipped,   ///< Its step has ended, and another way was taken.
  pending,   ///< Its step hasn't ended.
  blocked,   ///< Its step won't end any more: the run has ended or is ending, or doesn't get there.
};
std::string_view to_string(edge_status status);

/// A transition, or that a step waits for another one.
struct graph_edge {
  /// `from:on:to`; where something else than the outcome decides, with `:condition:N`: the N-th (from 1) of the
  /// transitions of its step for its outcome.
  std::string id;
  std::string from;
  std::string to;
  std::string on;            ///< `ok`, `error`, `timeout`; `after`: `to` waits for `from`; `compensate`: undoes it
  json condition = nullptr;  ///< as in the definition's JSON
  int at_most = 0;           ///< how often it may be followed; 0: any number of times
  std::string recovery;      ///< `compensation`, `undo`, or empty
  int taken = 0;             ///< how often it was
  edge_status status = edge_status::pending;
};

struct run_graph {
  std::optional<run_id> run;  ///< none: it is the graph of a workflow
  std::string workflow;
  std::optional<run_status> status;
  std::vector<graph_node> nodes;  ///< in workflow order, the end last
  std::vector<graph_edge> edges;  ///< in workflow order
  std::vector<std::string> path;  ///< the steps in the order in which the run came to them
};

/// The graph of a workflow: everything in it is pending.
run_graph graph_of(const definition& workflow);

json to_json(const graph_node& node);
json to_json(const graph_edge& edge);
json to_json(const run_graph& graph);

/// A Mermaid flowchart. Statuses are classes of nodes; edges that were followed are thick, those that won't be, dotted.
std::string to_mermaid(const run_graph& graph);

/// The same for Graphviz.
std::string to_dot(const run_graph& graph);

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
