// A run's graph as a tree of lines.
#pragma once

#include "context.h"

namespace squid_mesh::cli {

/// Each step where the graph first leads to it; where it leads there again, a line that says so.
void print_tree(const context& with, const run_graph& graph);

}  // namespace squid_mesh::cli
