#include "mesh/impl.h"
#include "runtime/tick_worker.h"
#include "storage/open.h"

#include <utility>

namespace squid_mesh::inline v1 {

mesh::mesh(std::unique_ptr<impl> state) : impl_(std::move(state)) {}
mesh::mesh(mesh&&) noexcept = default;
mesh& mesh::operator=(mesh&&) noexcept = default;
mesh::~mesh() = default;

result<mesh> mesh::open(mesh_options options) {
  if (options.queue.empty() || options.queue.size() > 127) return invalid("the queue's name has to be 1 to 127 bytes");
  auto store = storage::open(options.database, {.migrate = options.migrate});
  if (!store) return std::unexpected(std::move(store).error());
  return mesh(std::make_unique<impl>(*std::move(store), std::move(options)));
}

result<void> mesh::add(const declaration& workflow, std::map<std::string, handler> handlers) {
  const auto bind = [&handlers](std::string name, const action_ref& action) {
    if (action.invoke != nullptr) handlers.try_emplace(std::move(name), action.invoke);
  };
  for (const step& declared : workflow.steps) {
    const std::string name(declared.name);
    if (has_handler(declared.kind)) bind(name, declared.action);
    if (declared.compensate) bind(name + std::string(compensation_suffix), declared.compensate->action);
  }
  auto owned = definition::from(workflow);
  if (!owned) return std::unexpected(std::move(owned).error());
  return add(*std::move(owned), std::move(handlers));
}

result<void> mesh::add(definition workflow, std::map<std::string, handler> handlers) {
  const time_point now = impl_->workers.now();
  auto schedules = schedules_of(workflow, now);
  if (!schedules) return std::unexpected(std::move(schedules).error());
  const std::string queue = workflow.queue().empty() ? impl_->options.queue : workflow.queue();
  if (auto added = impl_->known.add(std::move(workflow), std::move(handlers), now); !added) return added;
  for (const schedule_record& each : *schedules) {
    if (auto put = impl_->workers.store().put_schedule(each, queue, now); !put) return put;
  }
  return {};
}

void mesh::provide(std::type_index type, void* object) { impl_->known.provide(type, object); }

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
  for (const retention_policy& policy : options.retention) {
    if (auto good = check_policy(policy); !good) return good;
  }
  const std::lock_guard control(impl_->control_mutex);
  if (auto started = impl_->workers.start(service); !started) return started;
  impl_->begin_retaining(std::move(options.retention), std::move(options.export_pruned));
  return {};
}

void mesh::stop() { impl_->stop(); }

result<void> mesh::work(work_options options) {
  if (auto started = start(std::move(options)); !started) return started;
  impl_->workers.wait_for_stop();
  return {};
}

}  // namespace squid_mesh::inline v1
