// A store that passes everything on to another: a base for those that change a little.
#pragma once

#include "storage/store.h"

#include <memory>
#include <utility>

namespace squid_mesh::testing {

class forwarding_store : public storage::store {
 public:
  explicit forwarding_store(std::unique_ptr<storage::store> real) : real_(std::move(real)) {}

  result<storage::batch_outcome> write(const storage::batch& what) override { return real_->write(what); }
  result<bool> was_applied(const commit& what) override { return real_->was_applied(what); }
  result<std::vector<commit_outcome>> write_in(transaction& hosts, std::span<const commit> commits,
                                               time_point now) override {
    return real_->write_in(hosts, commits, now);
  }
  result<std::unique_ptr<storage::unit_of_work>> begin() override { return real_->begin(); }
  result<time_point> beat(const storage::heartbeat& what) override { return real_->beat(what); }
  result<void> remove_node(const node_identity& node) override { return real_->remove_node(node); }
  result<std::vector<storage::claimed_job>> find_orphans(std::span<const std::string> queues, time_point now,
                                                         std::size_t limit) override {
    return real_->find_orphans(queues, now, limit);
  }
  result<std::vector<storage::claimed_job>> find_claimed(std::span<const std::string> queues,
                                                         std::string_view attempted_by) override {
    return real_->find_claimed(queues, attempted_by);
  }
  result<std::size_t> mend_runs(const std::string& queue, time_point now, std::size_t limit) override {
    return real_->mend_runs(queue, now, limit);
  }
  result<std::size_t> prune_jobs(std::span<const std::string> queues, time_point before, std::size_t limit) override {
    return real_->prune_jobs(queues, before, limit);
  }
  result<std::vector<job_id>> being_cancelled(std::span<const job_id> ids) override {
    return real_->being_cancelled(ids);
  }
  bool changed_by_others(std::span<const std::string> queues) override { return real_->changed_by_others(queues); }
  storage::hearing listening() override { return real_->listening(); }
  result<void> put_definition(std::string_view fingerprint, std::string_view name, std::string_view version,
                              std::string_view document, time_point now) override {
    return real_->put_definition(fingerprint, name, version, document, now);
  }
  result<std::string> get_definition(std::string_view fingerprint) override {
    return real_->get_definition(fingerprint);
  }
  result<std::vector<definition_record>> list_definitions(std::string_view name) override {
    return real_->list_definitions(name);
  }
  result<std::vector<node_record>> list_nodes() override { return real_->list_nodes(); }
  result<std::vector<queue_record>> list_queues() override { return real_->list_queues(); }
  result<std::map<run_status, std::size_t>> count_live_runs() override { return real_->count_live_runs(); }
  result<server_health> read_server() override { return real_->read_server(); }
  result<health> read_health(time_point now, const health_bounds& bounds) override {
    return real_->read_health(now, bounds);
  }
  result<storage::hearing> test_hearing() override { return real_->test_hearing(); }
  result<journal> read_run(const run_id& id) override { return real_->read_run(id); }
  result<journal> read_recent(const run_id& id) override { return real_->read_recent(id); }
  result<std::optional<run_id>> find_by_start_key(std::string_view workflow, std::string_view key) override {
    return real_->find_by_start_key(workflow, key);
  }
  result<std::vector<job_row>> jobs_of_run(const run_id& id) override { return real_->jobs_of_run(id); }
  result<run_status> read_status(const run_id& id) override { return real_->read_status(id); }
  result<std::vector<run_record>> list_runs(const run_filter& filter,
                                            const std::optional<run_id>& older_than) override {
    return real_->list_runs(filter, older_than);
  }
  result<std::vector<std::string>> workflows_with_ends() override { return real_->workflows_with_ends(); }
  result<std::optional<ended_run>> find_end(const storage::end_range& among, std::size_t newer) override {
    return real_->find_end(among, newer);
  }
  result<std::vector<ended_run>> find_ended(const storage::end_range& among, std::size_t limit) override {
    return real_->find_ended(among, limit);
  }
  result<std::vector<run_id>> delete_ended(std::span<const ended_run> runs) override {
    return real_->delete_ended(runs);
  }
  result<bool> import_run(const storage::run_import& what, time_point now) override {
    return real_->import_run(what, now);
  }
  result<bool> delete_imported(const run_id& id) override { return real_->delete_imported(id); }
  result<job_row> read_job(job_id id) override { return real_->read_job(id); }
  result<std::vector<job_row>> list_jobs(const jobs::job_filter& filter) override { return real_->list_jobs(filter); }
  result<bool> cancel_job(job_id id, time_point now) override { return real_->cancel_job(id, now); }
  result<bool> retry_job(job_id id, time_point now) override { return real_->retry_job(id, now); }
  result<std::vector<job_id>> not_executing(std::span<const job_id> ids) override { return real_->not_executing(ids); }
  result<void> set_paused(std::string_view queue, bool paused, time_point now) override {
    return real_->set_paused(queue, paused, now);
  }
  result<void> put_schedule(const schedule_record& what, const std::string& queue, time_point now) override {
    return real_->put_schedule(what, queue, now);
  }
  result<std::vector<schedule_record>> list_schedules() override { return real_->list_schedules(); }
  result<bool> set_schedule_paused(std::string_view workflow, std::string_view trigger, bool paused, time_point next_at,
                                   time_point now) override {
    return real_->set_schedule_paused(workflow, trigger, paused, next_at, now);
  }

 private:
  std::unique_ptr<storage::store> real_;
};

}  // namespace squid_mesh::testing
