#include "graph_tree.h"

#include "words.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace squid_mesh::cli {
namespace {

const char* sign_of(step_status status) {
  switch (status) {
    case step_status::completed:
      return "✓";
    case step_status::failed:
      return "✗";
    case step_status::running:
      return "▶";
    case step_status::waiting:
    case step_status::retrying:
      return "…";
    case step_status::skipped:
    case step_status::cancelled:
      return "-";
    case step_status::pending:
      break;
  }
  return "○";
}

class tree_printer {
 public:
  tree_printer(const context& with, const run_graph& graph) : with_(with), graph_(graph) {}

  void operator()() {
    for (const graph_node& node : graph_.nodes) {
      const bool is_led_to = std::ranges::any_of(graph_.edges, [&](const graph_edge& e) { return e.to == node.id; });
      if (!is_led_to) print(node, "", "");
    }
    // What is only in circles.
    for (const graph_node& node : graph_.nodes) {
      if (!seen_.contains(node.id)) print(node, "", "");
    }
  }

 private:
  void print(const graph_node& node, const std::string& first, const std::string& rest) {
    const bool is_known = !seen_.insert(node.id).second;
    with_.say("{}{}{}", first, text_of(node), is_known ? "  (see above)" : "");
    if (is_known) return;
    std::vector<const graph_edge*> ways;
    for (const graph_edge& edge : graph_.edges) {
      if (edge.from == node.id) ways.push_back(&edge);
    }
    for (const graph_edge* way : ways) {
      const bool is_last = way == ways.back();
      const auto next = std::ranges::find(graph_.nodes, way->to, &graph_node::id);
      if (next == graph_.nodes.end()) continue;
      print(*next, rest + (is_last ? "└─ " : "├─ ") + label_of(*way), rest + (is_last ? "   " : "│  "));
    }
  }

  [[nodiscard]] std::string text_of(const graph_node& node) const {
    if (node.kind == "end") return with_.on().painted("■ the end", colour::grey);
    std::string text = fmt::format("{} {}", sign_of(node.status), node.id);
    if (node.status != step_status::pending) text += fmt::format(" ({})", to_string(node.status));
    if (node.visits > 1) text += fmt::format(", came to it {} times", node.visits);
    if (node.attempts > 1) text += ", " + count_text(static_cast<std::size_t>(node.attempts), "attempt");
    text = with_.on().painted(text, colour_of(node.status));
    return node.is_current ? text + with_.on().painted("  ← here", colour::bold) : text;
  }

  [[nodiscard]] std::string label_of(const graph_edge& way) const {
    std::string label = way.on == "after" ? "" : way.on;
    if (!way.condition.is_null()) label += " if " + way.condition.dump();
    if (way.at_most > 0) label += fmt::format(" (taken {} of {})", way.taken, way.at_most);
    if (!way.recovery.empty()) label += " [" + way.recovery + "]";
    if (label.empty()) return "";
    return with_.on().painted(label + " → ", way.status == edge_status::selected ? colour::none : colour::grey);
  }

  const context& with_;
  const run_graph& graph_;
  std::set<std::string> seen_;
};

}  // namespace

void print_tree(const context& with, const run_graph& graph) { tree_printer(with, graph)(); }

}  // namespace squid_mesh::cli
