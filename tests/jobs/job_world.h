// Nodes with plain job handlers in one thread, on one database file, with a clock that the test turns.
#pragma once

#include "base/random.h"
#include "jobs/new_job.h"
#include "jobs/node.h"
#include "jobs/plain_worker.h"
#include "storage/open.h"
#include "support/forwarding_store.h"
#include "support/temporary_directory.h"
#include "support/virtual_clock.h"

#include <squid_mesh/jobs.hpp>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::testing {

/// Can't store jobs for the worker "unstorable".
class choosy_store final : public forwarding_store {
 public:
  using forwarding_store::forwarding_store;
  result<storage::batch_outcome> write(const storage::batch& what) override {
    for (const commit* next : what.commits) {
      for (const job_insert& job : next->inserts) {
        if (job.worker == "unstorable") {
          return std::unexpected(error{.code = errc::invalid_argument, .message = "no such values"});
        }
      }
    }
    return forwarding_store::write(what);
  }
};

/// The database and the clock that nodes share.
class job_world {
 public:
  job_id enqueue(const jobs::new_job& work) {
    commit one;
    one.inserts.push_back(jobs::to_insert(work).value());
    return write(one).inserted.front();
  }
  /// Writes as another process would.
  commit_outcome write(const commit& what) {
    return store_->write({.now = now(), .commits = {&what}, .stage = {}, .claims = {}, .attempted_by = {}})
        .value()
        .commits.front();
  }
  [[nodiscard]] jobs::job find(job_id id) { return jobs::to_job(store_->read_job(id).value()).value(); }
  [[nodiscard]] bool has(job_id id) { return store_->read_job(id).has_value(); }

  [[nodiscard]] time_point now() const { return clock.now(); }
  void advance(microseconds by) { clock.set(now() + by); }
  [[nodiscard]] std::unique_ptr<storage::store> open() const {
    return std::make_unique<choosy_store>(storage::open("sqlite:" + (directory_ / "jobs.db").string()).value());
  }

  virtual_clock clock;
  seeded_random random{1};

 private:
  temporary_directory directory_;
  std::unique_ptr<storage::store> store_ = open();
};

/// A process of workers. Destroying it is its sudden death.
class job_process {
 public:
  job_process(job_world& world, std::string name, std::size_t limit, telemetry_channel* telemetry = nullptr)
      : limit_(limit),
        name_(std::move(name)),
        store_(world.open()),
        node_(*store_, {.clock = &world.clock,
                        .random = &world.random,
                        .tasks = &tasks_,
                        .log = [](auto, auto) {},
                        .telemetry = telemetry}) {}
  job_process(const job_process&) = delete;
  job_process& operator=(const job_process&) = delete;
  ~job_process() {
    tasks_.queued.clear();
    node_.abandon();
  }

  void handle(const std::string& worker, jobs::job_handler handler) {
    node_.add_worker(worker, std::make_shared<jobs::plain_worker>(node_, std::move(handler)));
  }
  void begin() {
    node_.set_driven(true);
    node_.begin_work({.identity = {.name = name_, .id = name_}, .queues = {{"default", limit_}}}).value();
  }

  /// Hands a new job in; its submitter doesn't wait.
  void submit(const std::string& worker, jobs::patience how, jobs::written done) {
    std::vector<commit> commits(1);
    commits.front().inserts.push_back(jobs::to_insert({.worker = worker}).value());
    node_.submit(std::move(commits), how, std::move(done));
  }

  void submit(commit what) {
    std::vector<commit> commits;
    commits.push_back(std::move(what));
    node_.submit(std::move(commits), jobs::patience::persist, [](auto) {});
  }

  /// One turn alone: what it claims is not executed.
  void turn() { node_.turn(); }
  [[nodiscard]] std::size_t claimed() const { return tasks_.queued.size(); }
  /// Turns and tasks until nothing is left to do at this instant.
  void settle() {
    node_.look_again();
    time_point next;
    do {
      while (!tasks_.queued.empty()) {
        task first = std::move(tasks_.queued.front());
        tasks_.queued.pop_front();
        first();
      }
      next = node_.turn();
    } while (!tasks_.queued.empty() || next <= node_.around().clock->now());
  }

 private:
  struct queue final : executor {
    void post(std::vector<task> tasks) override {
      for (task& next : tasks) queued.push_back(std::move(next));
    }
    std::deque<task> queued;
  };

  const std::size_t limit_;
  const std::string name_;
  std::unique_ptr<storage::store> store_;
  queue tasks_;
  jobs::node node_;
};

}  // namespace squid_mesh::testing
