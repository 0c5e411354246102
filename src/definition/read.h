// Reading a workflow from JSON.
#pragma once

#include "definition/draft.h"
#include "definition/problems.h"

#include <squid_mesh/json.hpp>

namespace squid_mesh::inline v1 {

struct reading {
  detail::draft workflow;
  /// Whether every part could be read. Otherwise the rules would report what is missing only here.
  bool is_complete = false;
};

/// Reads a document of any shape and adds what is wrong with its shape to `problems`. The rules are not checked here.
reading read_draft(const json& document, problem_list& problems);

}  // namespace squid_mesh::inline v1
