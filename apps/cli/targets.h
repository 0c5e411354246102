// Commands that are for one run or for many: which they are, asking, and doing it to each.
#pragma once

#include "filters.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::cli {

/// Which runs are meant, as the command line says it: by their ids, or by a filter.
struct targets {
  std::vector<std::string> ids;
  std::shared_ptr<filter_options> filter;
  bool yes = false;
};
/// `RUN ...`, and the options of filters.
std::shared_ptr<targets> add_targets(CLI::App& command);
/// The same without `RUN ...`, for commands that have words of their own.
std::shared_ptr<targets> add_filter_targets(CLI::App& command);
/// For commands that ask.
void add_yes(CLI::App& command, targets& chosen);

struct found_runs {
  std::vector<run_id> ids;
  bool is_one = false;  ///< a single run was named: its result is said alone
};

/// The runs that are meant. `statuses`: of a filter that names none. Throws a `failure` where nothing says which.
found_runs find_runs(context& with, const targets& chosen, const std::vector<run_status>& statuses);

/// The same, of which a filter's are shown and asked about: `Cancel 3 runs?`
found_runs find_and_ask(context& with, const targets& chosen, const std::vector<run_status>& statuses,
                        std::string_view verb);

/// Does something to each run, once, and says what came of it. `one` returns what is said of a run with `--json`, and
/// throws a `failure` where it is refused; others are tried all the same. `doing` is `Cancelling`. Throws at the end if
/// any was refused.
void do_to_all(context& with, const std::vector<run_id>& runs, std::string_view doing,
               const std::function<json(const run_id&)>& one);

}  // namespace squid_mesh::cli
