#include "inspect/graph.h"

#include "inspect/told_run.h"
#include "progress/ahead.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

/// What a run says of a workflow's graph: by default, nothing.
class observer {
 public:
  observer() = default;
  observer(const observer&) = delete;
  observer& operator=(const observer&) = delete;
  virtual ~observer() = default;

  virtual void look_at(graph_node& /*node*/, std::size_t /*step*/) const {}
  virtual void look_at_end(graph_node& /*node*/) const {}
  virtual void look_at(graph_edge& /*edge*/, std::size_t /*from*/, std::optional<std::size_t> /*transition*/) const {}
  virtual void look_at_compensation(graph_edge& /*edge*/, std::size_t /*compensation*/) const {}
};

/// Draws a workflow as one observer sees it.
class drawer {
 public:
  drawer(const definition& workflow, const observer& observer)
      : workflow_(workflow), observer_(observer), documents_(workflow.to_json().at("transitions")) {}

  run_graph operator()() {
    graph_.workflow = workflow_.name();
    bool has_end = false;
    for (std::size_t i = 0; i < workflow_.steps().size(); ++i) {
      graph_node node{.id = workflow_.steps()[i].name, .kind = std::string(kind_of(workflow_, i))};
      observer_.look_at(node, i);
      graph_.nodes.push_back(std::move(node));
      for (const on outcome : {on::ok, on::error, on::timeout}) has_end = add_routes(i, outcome) || has_end;
      for (const std::size_t next : workflow_.dependents(i)) add_dependency(i, next);
      if (const auto compensation = workflow_.compensation_of(i)) add_compensation(i, *compensation);
    }
    if (has_end) {
      graph_node end{.id = std::string(complete), .kind = "end"};
      observer_.look_at_end(end);
      graph_.nodes.push_back(std::move(end));
    }
    return std::move(graph_);
  }

 private:
  /// Whether one of them leads to the end.
  bool add_routes(std::size_t from, on outcome) {
    bool has_end = false;
    int number = 0;
    for (const definition::route& route : workflow_.routes(from, outcome)) {
      const definition::transition& t = workflow_.transitions()[route.transition];
      graph_edge edge{.id = t.from + ":" + std::string(to_string(outcome)) + ":" + t.to,
                      .from = t.from,
                      .to = t.to,
                      .on = std::string(to_string(outcome)),
                      .condition = documents_[route.transition].value("when", json()),
                      .at_most = t.at_most};
      ++number;
      if (!t.when.terms.empty() || t.at_most > 0) edge.id += ":condition:" + std::to_string(number);
      if (t.recovery != recovery::none) edge.recovery = to_string(t.recovery);
      observer_.look_at(edge, from, route.transition);
      graph_.edges.push_back(std::move(edge));
      has_end = has_end || !route.to;
    }
    return has_end;
  }

  [[nodiscard]] graph_edge edge_between(std::size_t from, const std::string& on, std::size_t to) const {
    const std::string& before = workflow_.steps()[from].name;
    const std::string& after = workflow_.steps()[to].name;
    std::string id = before;
    id.append(":").append(on).append(":").append(after);
    return {.id = std::move(id), .from = before, .to = after, .on = on};
  }

  void add_dependency(std::size_t from, std::size_t to) {
    graph_edge edge = edge_between(from, "after", to);
    observer_.look_at(edge, from, std::nullopt);
    graph_.edges.push_back(std::move(edge));
  }

  void add_compensation(std::size_t of, std::size_t compensation) {
    graph_edge edge = edge_between(of, "compensate", compensation);
    observer_.look_at_compensation(edge, compensation);
    graph_.edges.push_back(std::move(edge));
  }

  const definition& workflow_;
  const observer& observer_;
  const json& documents_;
  run_graph graph_;
};

/// Sees a workflow through one of its runs.
class run_observer : public observer {
 public:
  explicit run_observer(const told_run& told) : told_(told), state_(told.state), ahead_(steps_ahead(told.state)) {}

  void look_at(graph_node& node, std::size_t step) const override {
    node.status = told_.status_of(step);
    node.visits = state_.steps[step].visits;
    node.attempts = state_.steps[step].attempts + (told_.running(step) ? 1 : 0);
    node.is_current = state_.is_active(step);
  }

  void look_at_end(graph_node& node) const override {
    node.visits = state_.ended == run_status::completed ? 1 : 0;
    if (state_.ended) node.status = node.visits > 0 ? step_status::completed : step_status::skipped;
  }

  void look_at(graph_edge& edge, std::size_t from, std::optional<std::size_t> transition) const override {
    const step_status outcome = state_.steps[from].status;
    const bool has_completed = outcome == step_status::completed && !state_.is_active(from);
    edge.taken = transition ? state_.taken[*transition] : static_cast<int>(has_completed);
    if (edge.taken > 0) {
      edge.status = edge_status::selected;
    } else if (has_completed || (outcome == step_status::failed && !state_.is_active(from))) {
      edge.status = edge_status::skipped;
    } else {
      edge.status = ahead_[from] ? edge_status::pending : edge_status::blocked;
    }
  }

  void look_at_compensation(graph_edge& edge, std::size_t compensation) const override {
    edge.taken = state_.steps[compensation].visits;
    if (edge.taken > 0) {
      edge.status = edge_status::selected;
    } else {
      edge.status = state_.ended ? edge_status::skipped : edge_status::pending;
    }
  }

 private:
  const told_run& told_;
  const run_state& state_;
  const std::vector<bool> ahead_;
};

}  // namespace

run_graph graph_of(const definition& workflow) { return drawer(workflow, observer())(); }

result<run_graph> graph_run(const view_request& request) {
  const auto told = tell(request);
  if (!told) return std::unexpected(told.error());
  run_graph graph = drawer(*request.definition, run_observer(*told))();
  graph.run = told->run.id;
  graph.status = told->run.shown_status;
  for (const std::size_t step : told->path) graph.path.push_back(told->declared(step).name);
  return graph;
}

}  // namespace squid_mesh::inline v1
