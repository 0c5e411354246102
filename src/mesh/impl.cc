#include "mesh/impl.h"

#include "model/run_job.h"
#include "runtime/children_worker.h"
#include "runtime/deadline_worker.h"
#include "runtime/run_worker.h"
#include "runtime/tick_worker.h"

#include <squid_mesh/detail/text.hpp>

#include <utility>

namespace squid_mesh::inline v1 {
namespace {

constexpr std::size_t max_mended = 100;
constexpr std::size_t max_key_bytes = 255;
constexpr std::chrono::seconds mending_interval{15};

}  // namespace

std::unexpected<error> invalid(std::string message) {
  return std::unexpected(error{.code = errc::invalid_argument, .message = std::move(message)});
}

result<void> check_key(std::string_view key, std::string_view what) {
  if (key.size() <= max_key_bytes && detail::is_utf8(key) && !detail::has_control_character(key)) return {};
  return invalid(std::string(what) + " has to be UTF-8 without control characters, and at most 255 bytes long");
}

mesh::impl::impl(std::unique_ptr<storage::store> store, mesh_options given)
    : options(std::move(given)),
      workers(std::move(store), options.log, options.telemetry),
      known(workers.store()),
      family(known, workers.worker_node(), options.queue, options.max_payload_bytes),
      commands(known, workers.worker_node()) {
  jobs::node& node = workers.worker_node();
  node.add_worker(run_worker_name, std::make_shared<run_worker>(known, family, node));
  node.add_worker(children_worker_name, std::make_shared<children_worker>(commands, node));
  node.add_worker(deadline_worker_name, std::make_shared<deadline_worker>(commands, node));
  node.add_worker(tick_worker_name,
                  std::make_shared<tick_worker>(known, commands, node, options.queue, options.max_payload_bytes));
  node.add_duty("mend", mending_interval, [this](time_point now) { return mend(now); });
  node.set_observer([this](const commit& applied) {
    if (applied.status && is_terminal(applied.status->status)) waiters.announce(applied.run);
  });
}

void mesh::impl::stop() {
  const std::lock_guard control(control_mutex);
  if (retaining) retaining->request_stop();
  workers.stop();
  retaining.reset();
}

result<void> mesh::impl::mend(time_point now) {
  auto mended = workers.store().mend_runs(options.queue, now, max_mended);
  if (!mended) return std::unexpected(std::move(mended).error());
  if (*mended > 0) {
    workers.log()(level::warning, std::to_string(*mended) + " runs or schedules had lost their jobs and have new ones");
    workers.worker_node().look_again();
  }
  return {};
}

}  // namespace squid_mesh::inline v1
