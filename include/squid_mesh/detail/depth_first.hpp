// squid_mesh/detail/depth_first.hpp - which nodes of a graph lead back to themselves, and an order of those that don't.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

/// Walks a whole graph, from its nodes in their order (Tarjan's algorithm). It isn't recursive: a document may have
/// thousands of steps in a row.
///
/// `Graph` has `size()`, `degree(node)`, the number of its edges, and `target(node, edge)`, which may be `nowhere`.
class depth_first {
 public:
  static constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();

  struct edge {
    std::size_t from = 0;
    std::size_t index = 0;  ///< among those that leave `from`
  };

  template <class Graph>
  explicit constexpr depth_first(const Graph& graph) : nodes_(graph.size()) {
    order_.reserve(graph.size());
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].found == 0) walk_from(i, graph);
    }
  }

  /// An edge for each cycle that the walk has come across; without these edges there are none.
  [[nodiscard]] constexpr const std::vector<edge>& closing_edges() const { return closing_edges_; }
  /// The nodes, each after those that it leads to, but for those of its own group.
  [[nodiscard]] constexpr const std::vector<std::size_t>& order() const { return order_; }
  /// Nodes that lead to each other are in one group. Groups are numbered in the same order.
  [[nodiscard]] constexpr std::size_t group(std::size_t of) const { return nodes_[of].group; }
  [[nodiscard]] constexpr std::size_t groups() const { return groups_; }

 private:
  struct node {
    std::size_t found = 0;     ///< when, from 1 on
    std::size_t earliest = 0;  ///< of the nodes without a group that it is known to lead to, the one found first
    std::size_t group = nowhere;
    bool is_on_path = false;
  };

  template <class Graph>
  constexpr void walk_from(std::size_t start, const Graph& graph) {
    enter(start);
    while (!path_.empty()) {
      edge& next = path_.back();
      if (next.index == graph.degree(next.from)) {
        leave(next.from);
        continue;
      }
      const edge taken = next;
      ++next.index;
      const std::size_t to = graph.target(taken.from, taken.index);
      if (to == nowhere) continue;
      if (nodes_[to].found == 0) {
        enter(to);
      } else {
        meet(taken, to);
      }
    }
  }

  constexpr void enter(std::size_t at) {
    ++found_;
    nodes_[at] = {.found = found_, .earliest = found_, .group = nowhere, .is_on_path = true};
    path_.push_back({.from = at, .index = 0});
    ungrouped_.push_back(at);
  }

  constexpr void meet(const edge& by, std::size_t to) {
    if (nodes_[to].is_on_path) closing_edges_.push_back(by);
    if (nodes_[to].group == nowhere) nodes_[by.from].earliest = std::min(nodes_[by.from].earliest, nodes_[to].found);
  }

  constexpr void leave(std::size_t at) {
    path_.pop_back();
    nodes_[at].is_on_path = false;
    if (nodes_[at].earliest == nodes_[at].found) {
      close_group(at);
    } else {
      node& before = nodes_[path_.back().from];
      before.earliest = std::min(before.earliest, nodes_[at].earliest);
    }
  }

  constexpr void close_group(std::size_t first) {
    std::size_t at = nowhere;
    while (at != first) {
      at = ungrouped_.back();
      ungrouped_.pop_back();
      nodes_[at].group = groups_;
      order_.push_back(at);
    }
    ++groups_;
  }

  std::vector<node> nodes_;
  std::vector<edge> path_;
  std::vector<std::size_t> ungrouped_;
  std::vector<std::size_t> order_;
  std::vector<edge> closing_edges_;
  std::size_t found_ = 0;
  std::size_t groups_ = 0;
};

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
