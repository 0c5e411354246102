#include "inspect/view.h"
#include "jobs/service.h"
#include "mesh/awaiting.h"
#include "model/run_job.h"
#include "runtime/run_worker.h"
#include "runtime/start.h"
#include "runtime/workflows.h"
#include "storage/open.h"

#include <squid_mesh/mesh.hpp>

#include <utility>

namespace squid_mesh {
namespace {

constexpr std::size_t max_listed = 1000;
constexpr std::size_t max_mended = 100;
constexpr std::chrono::seconds mending_interval{15};

std::unexpected<error> invalid(std::string message) {
  return std::unexpected(error{.code = errc::invalid_argument, .message = std::move(message)});
}

}  // namespace

struct mesh::impl {
  impl(std::unique_ptr<storage::store> store, mesh_options given)
      : options(std::move(given)), workers(std::move(store), options.log), known(workers.store()) {
    jobs::node& node = workers.worker_node();
    node.add_worker(run_worker_name, std::make_shared<run_worker>(known, node));
    node.add_duty("mend", mending_interval, [this](time_point now) { return mend(now); });
    node.set_observer([this](const commit& applied) {
      if (applied.status && is_terminal(applied.status->status)) waiters.announce(applied.run);
    });
  }

  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  /// The workers use what is destroyed before them.
  ~impl() { workers.stop(); }

  result<void> mend(time_point now) {
    auto mended = workers.store().mend_runs(options.queue, now, max_mended);
    if (!mended) return std::unexpected(std::move(mended).error());
    if (*mended > 0) {
      workers.log()(level::warning, std::to_string(*mended) + " runs had lost their jobs and have new ones");
      workers.worker_node().look_again();
    }
    return {};
  }

  result<std::vector<commit>> plan_starts(std::string_view workflow, const std::vector<json>& payloads,
                                          const start_options& starting) {
    auto found = known.find(workflow);
    if (!found) return std::unexpected(std::move(found).error());
    std::vector<commit> commits;
    for (const json& payload : payloads) {
      auto planned = plan_start({.workflow = found->get(),
                                 .trigger = starting.trigger,
                                 .payload = &payload,
                                 .queue = options.queue,
                                 .max_payload_bytes = options.max_payload_bytes},
                                workers.now(), workers.random());
      if (!planned) {
        error refusal = std::move(planned).error();
        if (payloads.size() > 1) {
          refusal.message = "payload " + std::to_string(commits.size()) + ": " + refusal.message;
        }
        return std::unexpected(std::move(refusal));
      }
      commits.push_back(*std::move(planned));
    }
    return commits;
  }

  result<std::shared_ptr<const definition>> definition_of(const run_record& run) {
    return known.pinned(run.definition);
  }

  mesh_options options;
  awaiting waiters;
  jobs::service workers;
  workflows known;
};

mesh::mesh(std::unique_ptr<impl> state) : impl_(std::move(state)) {}
mesh::mesh(mesh&&) noexcept = default;
mesh& mesh::operator=(mesh&&) noexcept = default;
mesh::~mesh() = default;

result<mesh> mesh::open(mesh_options options) {
  if (options.queue.empty() || options.queue.size() > 127) return invalid("the queue's name has to be 1 to 127 bytes");
  auto store = storage::open(options.database);
  if (!store) return std::unexpected(std::move(store).error());
  return mesh(std::make_unique<impl>(*std::move(store), std::move(options)));
}

result<void> mesh::add(const declaration& workflow, std::map<std::string, handler> handlers) {
  for (const step& declared : workflow.steps) {
    if (declared.kind == step_kind::action && declared.action.invoke != nullptr) {
      handlers.try_emplace(std::string(declared.name), declared.action.invoke);
    }
  }
  auto owned = definition::from(workflow);
  if (!owned) return std::unexpected(std::move(owned).error());
  return add(*std::move(owned), std::move(handlers));
}

result<void> mesh::add(definition workflow, std::map<std::string, handler> handlers) {
  return impl_->known.add(std::move(workflow), std::move(handlers), impl_->workers.now());
}

void mesh::provide(std::type_index type, void* object) { impl_->known.provide(type, object); }

result<run_ref> mesh::start_run(std::string_view workflow, json payload, const start_options& options) {
  std::vector<json> one;
  one.push_back(std::move(payload));
  auto started = start_runs(workflow, one, options);
  if (!started) return std::unexpected(std::move(started).error());
  return started->front();
}

result<run_ref> mesh::start_run(const declaration& workflow, json payload, const start_options& options) {
  return start_run(workflow.name, std::move(payload), options);
}

result<run_ref> mesh::start_run(transaction& within, std::string_view workflow, json payload,
                                const start_options& options) {
  std::vector<json> one;
  one.push_back(std::move(payload));
  auto commits = impl_->plan_starts(workflow, one, options);
  if (!commits) return std::unexpected(std::move(commits).error());
  auto outcomes = impl_->workers.store().write_in(within, *commits, impl_->workers.now());
  if (!outcomes) return std::unexpected(std::move(outcomes).error());
  return run_ref{commits->front().run};
}

result<run_ref> mesh::start_run(transaction& within, const declaration& workflow, json payload,
                                const start_options& options) {
  return start_run(within, workflow.name, std::move(payload), options);
}

result<std::vector<run_ref>> mesh::start_runs(std::string_view workflow, const std::vector<json>& payloads,
                                              const start_options& options) {
  auto commits = impl_->plan_starts(workflow, payloads, options);
  if (!commits) return std::unexpected(std::move(commits).error());
  std::vector<run_ref> started;
  for (const commit& start : *commits) started.push_back({start.run});
  if (started.empty()) return started;
  auto outcomes = impl_->workers.worker_node().write(*std::move(commits));
  if (!outcomes) return std::unexpected(std::move(outcomes).error());
  return started;
}

result<run_view> mesh::inspect_run(const run_id& id, inspect_options options) const {
  storage::store& store = impl_->workers.store();
  auto history = store.read_run(id);
  if (!history) return std::unexpected(std::move(history).error());
  auto workflow = impl_->definition_of(history->run);
  if (!workflow) return std::unexpected(std::move(workflow).error());
  view_request request{
      .history = *std::move(history), .definition = *std::move(workflow), .job = {}, .options = options};
  if (request.history.run.job) {
    if (auto job = store.read_job(*request.history.run.job)) request.job = *std::move(job);
  }
  return view_run(request);
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

std::uint64_t mesh::write_transactions() const { return impl_->workers.worker_node().batches(); }

result<void> mesh::start(work_options options) {
  jobs::service_options service{.node_name = impl_->options.node_name,
                                .queues = {},
                                .grace = options.grace,
                                .lease = options.lease,
                                .poll = options.poll,
                                .keep_finished = options.keep_finished_jobs,
                                .max_batch = options.max_batch};
  for (queue_limit& queue : options.queues) {
    service.queues.push_back({std::move(queue.queue), queue.limit, queue.everywhere});
  }
  return impl_->workers.start(service);
}

void mesh::stop() { impl_->workers.stop(); }

result<void> mesh::work(work_options options) {
  if (auto started = start(std::move(options)); !started) return started;
  impl_->workers.wait_for_stop();
  return {};
}

}  // namespace squid_mesh
