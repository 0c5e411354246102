#include "jobs/new_job.h"
#include "jobs/plain_worker.h"
#include "jobs/service.h"
#include "storage/open.h"

#include <squid_mesh/jobs.hpp>

#include <utility>

namespace squid_mesh::inline v1::jobs {
namespace {

constexpr std::size_t max_listed = 1000;

std::unexpected<error> conflict(job_id id, const std::string& why) {
  return std::unexpected(error{.code = errc::conflict, .message = "job " + to_string(id) + " " + why});
}

/// One commit that inserts all of them.
result<std::vector<commit>> plan_inserts(const std::vector<new_job>& work) {
  std::vector<commit> commits(1);
  for (const new_job& job : work) {
    auto insert = to_insert(job);
    if (!insert) return std::unexpected(std::move(insert).error());
    commits.front().inserts.push_back(*std::move(insert));
  }
  return commits;
}

}  // namespace

struct [[gnu::visibility("hidden")]] engine::impl {
  impl(std::unique_ptr<storage::store> store, engine_options given)
      : options(std::move(given)), workers(std::move(store), options.log, options.telemetry) {}

  engine_options options;
  service workers;
};

engine::engine(std::unique_ptr<impl> state) : impl_(std::move(state)) {}
engine::engine(engine&&) noexcept = default;
engine& engine::operator=(engine&&) noexcept = default;
engine::~engine() = default;

result<engine> engine::open(engine_options options) {
  auto store = storage::open(options.database, {.migrate = options.migrate});
  if (!store) return std::unexpected(std::move(store).error());
  return engine(std::make_unique<impl>(*std::move(store), std::move(options)));
}

void engine::handle(std::string worker, job_handler handler) {
  node& owner = impl_->workers.worker_node();
  owner.add_worker(std::move(worker), std::make_shared<plain_worker>(owner, std::move(handler)));
}

result<job_id> engine::enqueue(new_job work) {
  std::vector<new_job> one;
  one.push_back(std::move(work));
  auto ids = enqueue_all(one);
  if (!ids) return std::unexpected(std::move(ids).error());
  return ids->front();
}

result<std::vector<job_id>> engine::enqueue_all(const std::vector<new_job>& work) {
  if (work.empty()) return std::vector<job_id>();
  auto commits = plan_inserts(work);
  if (!commits) return std::unexpected(std::move(commits).error());
  auto outcomes = impl_->workers.worker_node().write(*std::move(commits));
  if (!outcomes) return std::unexpected(std::move(outcomes).error());
  return std::move(outcomes->front().inserted);
}

result<job_id> engine::enqueue(transaction& within, new_job work) {
  std::vector<new_job> one;
  one.push_back(std::move(work));
  auto commits = plan_inserts(one);
  if (!commits) return std::unexpected(std::move(commits).error());
  auto outcomes = impl_->workers.store().write_in(within, *commits, impl_->workers.now());
  if (!outcomes) return std::unexpected(std::move(outcomes).error());
  return outcomes->front().inserted.front();
}

result<job> engine::find(job_id id) const {
  auto row = impl_->workers.store().read_job(id);
  if (!row) return std::unexpected(std::move(row).error());
  return to_job(*row);
}

result<std::vector<job>> engine::list(const job_filter& filter) const {
  if (filter.limit < 1 || filter.limit > max_listed) {
    return std::unexpected(error{.code = errc::invalid_argument, .message = "limit has to be 1 to 1,000"});
  }
  auto rows = impl_->workers.store().list_jobs(filter);
  if (!rows) return std::unexpected(std::move(rows).error());
  std::vector<job> found;
  for (const job_row& row : *rows) {
    auto readable = to_job(row);
    if (!readable) return std::unexpected(std::move(readable).error());
    found.push_back(*std::move(readable));
  }
  return found;
}

result<void> engine::cancel(job_id id) {
  service& workers = impl_->workers;
  if (auto known = workers.store().read_job(id); !known) return std::unexpected(std::move(known).error());
  auto cancelled = workers.store().cancel_job(id, workers.now());
  if (!cancelled) return std::unexpected(std::move(cancelled).error());
  if (!*cancelled) return conflict(id, "has ended already");
  workers.worker_node().withdraw(id);
  return {};
}

result<void> engine::retry(job_id id) {
  service& workers = impl_->workers;
  if (auto known = workers.store().read_job(id); !known) return std::unexpected(std::move(known).error());
  auto retried = workers.store().retry_job(id, workers.now());
  if (!retried) return std::unexpected(std::move(retried).error());
  if (!*retried) return conflict(id, "is available or running");
  workers.worker_node().look_again();
  return {};
}

result<void> engine::pause(std::string_view queue) {
  return impl_->workers.store().set_paused(queue, true, impl_->workers.now());
}

result<void> engine::resume(std::string_view queue) {
  auto resumed = impl_->workers.store().set_paused(queue, false, impl_->workers.now());
  impl_->workers.worker_node().look_again();
  return resumed;
}

result<void> engine::start() {
  const engine_options& given = impl_->options;
  service_options options{.node_name = given.node_name,
                          .queues = {},
                          .grace = given.grace,
                          .lease = given.lease,
                          .poll = given.poll,
                          .keep_finished = given.keep_finished};
  for (const queue_options& queue : given.queues)
    options.queues.push_back({queue.queue, queue.limit, queue.everywhere});
  return impl_->workers.start(options);
}

void engine::stop() { impl_->workers.stop(); }

result<void> engine::work() {
  if (auto started = start(); !started) return started;
  impl_->workers.wait_for_stop();
  return {};
}

}  // namespace squid_mesh::inline v1::jobs
