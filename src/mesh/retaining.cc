// Deleting old runs, taking runs out as documents, and taking documents in.
#include "inspect/run_document.h"
#include "mesh/impl.h"
#include "runtime/retention.h"

#include <algorithm>
#include <exception>
#include <string>
#include <thread>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

error sink_failure(const std::string& what) {
  return {.code = errc::step_failed, .message = "the export has thrown: " + what, .kind = "export"};
}

/// Hands the document over, whatever the host's function does.
result<void> hand_over(const export_sink& sink, const json& document) {
  try {
    return sink(document);
  } catch (const std::exception& e) {
    return std::unexpected(sink_failure(e.what()));
  } catch (...) {
    return std::unexpected(sink_failure("something that is not a std::exception"));
  }
}

/// Whether they are two copies of one run, of which one may be older.
bool is_same_run(const run_record& a, const run_record& b) {
  return a.workflow == b.workflow && a.definition == b.definition && a.trigger == b.trigger &&
         a.started_at == b.started_at;
}

}  // namespace

prune_guard mesh::impl::exporting(export_sink sink) {
  if (!sink) return {};
  return [this, sink = std::move(sink)](const ended_run& which) -> result<bool> {
    const auto request = ask_about(which.id, {});
    // Somebody else has deleted it, or let it go on.
    if (!request && request.error().code == errc::not_found) return false;
    if (!request) return std::unexpected(request.error());
    if (request->history.run.ended_at != which.ended_at) return false;
    const auto document = write_document(*request, workers.now());
    if (!document) return std::unexpected(document.error());
    if (auto taken = hand_over(sink, *document); !taken) return std::unexpected(std::move(taken).error());
    return true;
  };
}

void mesh::impl::begin_retaining(std::vector<retention_policy> policies, export_sink sink) {
  if (policies.empty()) return;
  auto keeper = std::make_shared<retention>(retention::surroundings{.store = &workers.store(),
                                                                    .now = [this] { return workers.now(); },
                                                                    .log = workers.log(),
                                                                    .guard = exporting(std::move(sink))},
                                            std::move(policies));
  retaining = std::make_unique<jobs::background>([keeper = std::move(keeper)] { return keeper->run_once(); });
}

result<prune_report> mesh::prune_runs(const retention_policy& policy, const prune_options& options) {
  if (auto good = check_policy(policy); !good) return std::unexpected(std::move(good).error());
  if (options.limit < 1) return invalid("limit has to be at least 1");
  if (options.pause.count() < 0) return invalid("pause can't be negative");
  prune_pass pass(impl_->workers.store(), policy, impl_->exporting(options.export_to), impl_->workers.now());
  prune_report all;
  while (!pass.is_over() && all.pruned < options.limit) {
    auto report = pass.next(std::min(prune_batch_size, options.limit - all.pruned));
    if (!report) return std::unexpected(std::move(report).error());
    all.pruned += report->pruned;
    std::ranges::move(report->failed, std::back_inserter(all.failed));
    if (!pass.is_over() && all.pruned < options.limit) std::this_thread::sleep_for(options.pause);
  }
  return all;
}

result<json> mesh::export_run(const run_id& id) const {
  const auto request = impl_->ask_about(id, {});
  if (!request) return std::unexpected(request.error());
  return write_document(*request, impl_->workers.now());
}

result<run_ref> mesh::import_run(const json& document) {
  storage::store& store = impl_->workers.store();
  const time_point now = impl_->workers.now();
  auto copy = read_document(document, now);
  if (!copy) return std::unexpected(std::move(copy).error());
  const run_record run = copy->history.run;
  const auto stored = store.import_run({.history = std::move(copy->history),
                                        .definition_name = copy->definition->name(),
                                        .definition_version = copy->definition->version(),
                                        .definition_document = copy->definition->to_json().dump()},
                                       now);
  if (!stored) return std::unexpected(stored.error());
  if (*stored) return run_ref{.id = run.id};
  const auto present = store.read_run(run.id);
  if (!present) return std::unexpected(present.error());
  if (is_same_run(present->run, run)) return run_ref{.id = run.id, .existing = true};
  return std::unexpected(
      error{.code = errc::conflict, .message = "there is another run " + to_string(run.id), .kind = "another_run"});
}

result<void> mesh::remove_imported_run(const run_id& id) {
  const auto removed = impl_->workers.store().delete_imported(id);
  if (!removed) return std::unexpected(removed.error());
  if (*removed) return {};
  const auto status = impl_->workers.store().read_status(id);
  if (!status) return std::unexpected(status.error());
  return std::unexpected(
      error{.code = errc::conflict,
            .message = "run " + to_string(id) + " was not imported: retention deletes it in its time",
            .kind = "not_imported"});
}

}  // namespace squid_mesh::inline v1
