// Looking at runs.
#include "inspect/explanation.h"
#include "inspect/graph.h"
#include "inspect/view.h"
#include "mesh/impl.h"
#include "progress/migration.h"

#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

constexpr std::size_t max_listed = 1000;
constexpr std::size_t max_children_shown = 100;

}  // namespace

result<view_request> mesh::impl::ask_about(const run_id& id, inspect_options looking) {
  auto run = workers.store().read_whole(id, max_children_shown);
  if (!run) return std::unexpected(std::move(run).error());
  auto workflow = known.pinned(run->history.run.definition);
  if (!workflow) return std::unexpected(std::move(workflow).error());
  return view_request{.history = in_present_words(std::move(run->history)),
                      .definition = *std::move(workflow),
                      .jobs = std::move(run->jobs),
                      .options = looking,
                      .children = std::move(run->children)};
}

result<run_view> mesh::inspect_run(const run_id& id, inspect_options options) const {
  const auto request = impl_->ask_about(id, options);
  if (!request) return std::unexpected(request.error());
  return view_run(*request);
}

result<explanation> mesh::explain_run(const run_id& id) const {
  const auto request = impl_->ask_about(id, {});
  if (!request) return std::unexpected(request.error());
  return explain(*request, impl_->workers.now());
}

result<run_graph> mesh::inspect_graph(const run_id& id) const {
  const auto request = impl_->ask_about(id, {});
  if (!request) return std::unexpected(request.error());
  return graph_run(*request);
}

result<run_page> mesh::list_runs(const run_filter& filter) const {
  if (filter.limit < 1 || filter.limit > max_listed) return invalid("limit has to be 1 to 1,000");
  std::optional<run_id> older_than;
  if (!filter.cursor.empty()) {
    older_than = run_id::parse(filter.cursor);
    if (!older_than) return invalid("cursor is not one that list_runs has returned");
  }
  auto records = impl_->workers.store().list_runs(filter, older_than);
  if (!records) return std::unexpected(std::move(records).error());
  run_page page;
  for (const run_record& run : *records) page.runs.push_back(summarise(run));
  if (page.runs.size() == filter.limit) page.next_cursor = to_string(page.runs.back().id);
  return page;
}

result<run_view> mesh::await_run(const run_id& id, milliseconds timeout) const {
  result<run_status> status = run_status::pending;
  const bool ended = impl_->waiters.wait(id, timeout, [&] {
    status = impl_->workers.store().read_status(id);
    return !status || is_terminal(*status);
  });
  if (!status) return std::unexpected(std::move(status).error());
  if (ended) return inspect_run(id);
  return std::unexpected(
      error{.code = errc::timeout,
            .message = "run " + to_string(id) + " has not ended; it is " + std::string(to_string(*status)),
            .retryable = true});
}

}  // namespace squid_mesh::inline v1
