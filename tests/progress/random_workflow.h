// Random workflows: routes with conditions, loops and limits, or steps that depend on each other; steps of every kind.
#pragma once

#include "progress/driven_run.h"

#include <rapidcheck.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>

namespace squid_mesh::testing {

/// The whole range, however small the case is to be.
inline int any(int from, int before) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, before)); }
inline bool one_in(int n) { return any(0, n) == 0; }

inline std::string step_name(int index) { return "s" + std::to_string(index); }

inline json random_action() {
  json step = {{"kind", "action"}};
  if (one_in(3)) return step;
  const int min = one_in(3) ? 0 : any(1, 2000);
  step["retry"] = {{"max_attempts", any(1, 4)},
                   {"backoff", {{"min_ms", min}, {"max_ms", min * 4}, {"factor", 2}, {"jitter", 0.5}}}};
  return step;
}

inline json random_step(int index) {
  const auto limit = [] { return one_in(2) ? 0 : any(1, 8000); };
  json step;
  switch (any(0, 9)) {
    case 0:
      step = {{"kind", "wait"}, {"wait", {{"duration_ms", any(1, 5000)}}}};
      break;
    case 1:
      step = {{"kind", "log"}, {"log", {{"message", "here"}}}};
      break;
    case 2:
      step = {{"kind", "pause"}, {"pause", {{"expires_in_ms", limit()}}}};
      break;
    case 3:
      step = {{"kind", "approval"},
              {"approval",
               {{"quorum", any(1, 4)}, {"expires_in_ms", limit()}, {"on_expiry", one_in(2) ? "error" : "reject"}}}};
      break;
    case 4:
      step = {{"kind", "await_event"}, {"await_event", {{"name", one_in(2) ? "x" : "y"}, {"timeout_ms", limit()}}}};
      break;
    default:
      step = random_action();
      if (one_in(4)) step["queue"] = one_in(2) ? "q1" : "q2";
      break;
  }
  step["name"] = step_name(index);
  if (step["kind"] == "action" && one_in(2)) step["output"] = step["name"];
  if (step["kind"] == "action" && one_in(3)) {
    step["compensate"] = one_in(2) ? json::object() : json{{"retry", {{"max_attempts", any(1, 3)}}}};
  }
  return step;
}

/// Outputs of actions say `n`.
inline json random_condition(int depth = 0) {
  switch (any(0, depth > 1 ? 4 : 6)) {
    case 0:
      return {{"path", "n"}, {"less_than", any(0, 4)}};
    case 1:
      return {{"path", "n"}, {"equals", any(0, 4)}};
    case 2:
      return {{"path", "n"}, {"in", {1, 3}}};
    case 3:
      return {{"path", step_name(any(0, 4))}, {"exists", true}};
    case 4:
      return {{"not", random_condition(depth + 1)}};
    default:
      return {{one_in(2) ? "all" : "any", {random_condition(depth + 1), random_condition(depth + 1)}}};
  }
}

/// Steps and what leads from one to another: forward without limits, back with them.
class random_graph {
 public:
  std::shared_ptr<const definition> make() {
    reached_.insert(0);
    for (int i = 0; i < count_; ++i) {
      if (!reached_.contains(i)) continue;
      const json step = random_step(i);
      kept_.push_back(i);
      add_routes(i, step);
      steps_.push_back(step);
    }
    return read_definition(
        {{"name", "random"}, {"triggers", {{{"name", "m"}}}}, {"steps", steps_}, {"transitions", transitions_}});
  }

 private:
  void add_routes(int from, const json& step) {
    const std::string kind = step["kind"];
    lead(from, "ok", true);
    if (kind == "approval" || (kind != "wait" && one_in(2))) lead(from, "error", kind == "approval" || one_in(2));
    const bool may_be_late = kind == "await_event" && step["await_event"]["timeout_ms"] > 0;
    if (may_be_late && one_in(2)) lead(from, "timeout", one_in(2));
  }

  void lead(int from, const char* on, bool has_fallback) {
    const int special = one_in(2) ? 0 : any(1, 3);
    for (int i = 0; i < special; ++i) {
      json route = {{"from", step_name(from)}, {"on", on}};
      const bool back = one_in(2);
      route["to"] = back ? step_name(kept_[static_cast<std::size_t>(any(0, int(kept_.size())))]) : forward(from);
      if (back || one_in(2)) route["at_most"] = any(1, 3);
      if (!route.contains("at_most") || one_in(2)) route["when"] = random_condition();
      transitions_.push_back(route);
    }
    if (has_fallback) transitions_.push_back({{"from", step_name(from)}, {"on", on}, {"to", forward(from)}});
  }

  std::string forward(int from) {
    const int to = any(from + 1, std::min(from + 3, count_ + 1));
    if (to == count_) return "complete";
    reached_.insert(to);
    return step_name(to);
  }

  const int count_ = any(1, 7);
  std::set<int> reached_;
  std::vector<int> kept_;
  json steps_ = json::array();
  json transitions_ = json::array();
};

/// Steps that wait for earlier ones, declared in any order.
inline std::shared_ptr<const definition> random_dependencies() {
  const int count = any(2, 8);
  json steps = json::array();
  for (int i = 0; i < count; ++i) {
    json step = random_step(i);
    for (int earlier = 0; earlier < i; ++earlier) {
      if (one_in(3) || (i == 1 && earlier == 0)) step["after"].push_back(step_name(earlier));
    }
    const auto at = static_cast<std::ptrdiff_t>(one_in(2) ? steps.size() : 0);
    steps.insert(steps.begin() + at, step);
  }
  return read_definition({{"name", "random"}, {"triggers", {{{"name", "m"}}}}, {"steps", steps}});
}

inline std::shared_ptr<const definition> random_workflow() {
  return one_in(2) ? random_dependencies() : random_graph().make();
}

}  // namespace squid_mesh::testing
