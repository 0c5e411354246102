// Graphs in the languages of the programs that draw them.
#include "inspect/sentence.h"

#include <squid_mesh/graph.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace squid_mesh::inline v1 {
namespace {

constexpr std::array all_statuses{step_status::pending,  step_status::running,   step_status::waiting,
                                  step_status::retrying, step_status::completed, step_status::failed,
                                  step_status::skipped,  step_status::cancelled};

/// What a node of this status is filled with.
std::string_view colour_of(step_status status) {
  switch (status) {
    case step_status::pending:
      return "#f3f4f6";
    case step_status::running:
      return "#bfdbfe";
    case step_status::waiting:
      return "#fef08a";
    case step_status::retrying:
      return "#fed7aa";
    case step_status::completed:
      return "#bbf7d0";
    case step_status::failed:
      return "#fecaca";
    case step_status::skipped:
      return "#ffffff";
    case step_status::cancelled:
      return "#d1d5db";
  }
  return "#ffffff";
}

/// `ok if risk.score > 70, at most 3 times`
std::string label_of(const graph_edge& edge) {
  std::string text = edge.on;
  if (!edge.condition.is_null()) text += " if " + condition_text(edge.condition);
  if (!edge.recovery.empty()) text += ", " + edge.recovery;
  if (edge.at_most > 0) text += ", at most " + std::to_string(edge.at_most) + (edge.at_most == 1 ? " time" : " times");
  if (edge.taken > 1) text += ", taken " + std::to_string(edge.taken) + " times";
  return text;
}

/// Everything that could mean something to Mermaid becomes a character code.
std::string mermaid_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = byte >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          std::string_view(" _-.,:/").contains(c);
    if (is_plain) {
      escaped += c;
    } else {
      escaped += byte < 0x20 ? " " : "#" + std::to_string(byte) + ";";
    }
  }
  return escaped;
}

std::string dot_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return escaped;
}

/// Names of steps may be words of Mermaid's, so nodes are called by their number.
std::string mermaid_id(const run_graph& graph, const std::string& node) {
  const auto found = std::ranges::find(graph.nodes, node, &graph_node::id);
  return "n" + std::to_string(found - graph.nodes.begin());
}

std::string_view mermaid_arrow(edge_status status) {
  if (status == edge_status::selected) return "==>";
  return status == edge_status::pending ? "-->" : "-.->";
}

std::string_view dot_style(edge_status status) {
  if (status == edge_status::selected) return "bold";
  return status == edge_status::pending ? "solid" : "dotted";
}

std::string mermaid_node(const run_graph& graph, const graph_node& node) {
  const bool is_end = node.kind == "end";
  const std::string label = '"' + mermaid_text(node.id) + (is_end ? "" : "<br/>" + mermaid_text(node.kind)) + '"';
  std::string text = "  " + mermaid_id(graph, node.id) + (is_end ? "([" + label + "])" : "[" + label + "]") +
                     ":::" + std::string(to_string(node.status)) + "\n";
  if (node.is_current) text += "  style " + mermaid_id(graph, node.id) + " stroke-width:3px\n";
  return text;
}

}  // namespace

std::string to_mermaid(const run_graph& graph) {
  std::string text = "flowchart TD\n";
  for (const graph_node& node : graph.nodes) text += mermaid_node(graph, node);
  for (const graph_edge& edge : graph.edges) {
    text += "  " + mermaid_id(graph, edge.from) + " " + std::string(mermaid_arrow(edge.status)) + "|\"" +
            mermaid_text(label_of(edge)) + "\"| " + mermaid_id(graph, edge.to) + "\n";
  }
  for (const step_status status : all_statuses) {
    text += "  classDef " + std::string(to_string(status)) + " fill:" + std::string(colour_of(status)) +
            ",stroke:#374151,color:#111827\n";
  }
  return text;
}

std::string to_dot(const run_graph& graph) {
  std::string text = "digraph \"" + dot_text(graph.workflow) + "\" {\n  node [shape=box, style=\"rounded,filled\"];\n";
  for (const graph_node& node : graph.nodes) {
    text += "  \"" + dot_text(node.id) + "\" [label=\"" + dot_text(node.id) +
            (node.kind == "end" ? "" : "\\n" + dot_text(node.kind)) + "\", fillcolor=\"" +
            std::string(colour_of(node.status)) + "\"" + (node.is_current ? ", penwidth=3" : "") + "];\n";
  }
  for (const graph_edge& edge : graph.edges) {
    text += "  \"" + dot_text(edge.from) + "\" -> \"" + dot_text(edge.to) + "\" [label=\"" + dot_text(label_of(edge)) +
            "\", style=" + std::string(dot_style(edge.status)) + "];\n";
  }
  return text + "}\n";
}

}  // namespace squid_mesh::inline v1
