// What the contract tests of the store share: two stores on one database, which act as two processes.
#pragma once

#include "model/run_job.h"
#include "storage/sqlite_database.h"

#include <squid_mesh/json.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace squid_mesh::testing {

using namespace std::chrono_literals;
using change = job_change::kind;
using jobs::state;

constexpr time_point t0{std::chrono::seconds(1'800'000'000)};
inline const std::string me = R"(["n1","11111111-1111-7111-8111-111111111111"])";
inline const std::string other = R"(["n2","22222222-2222-7222-8222-222222222222"])";
inline const std::vector<std::string> queues{"q"};

inline run_id id_of(std::uint8_t n) {
  run_id id;
  id.value.bytes[0] = 1;
  id.value.bytes[15] = n;
  return id;
}

inline commit start_of(std::uint8_t n, const std::string& workflow = "w", time_point at = t0) {
  commit start;
  start.run = id_of(n);
  start.start = run_record{.id = start.run,
                           .workflow = workflow,
                           .definition = "f",
                           .trigger = "manual",
                           .payload = R"({"n":1})",
                           .started_at = at};
  start.inserts.push_back(run_job({.run = start.run}, "q"));
  return start;
}

inline fact completed(std::int64_t seq, const std::string& step = "a", const std::string& data = "{}") {
  return {.seq = seq,
          .kind = fact_kind::step_completed,
          .step = step,
          .at = t0 + 2s,
          .started_at = t0 + 1s,
          .node = "n1",
          .data = data};
}

inline commit facts_of(std::uint8_t run, std::vector<fact> facts) {
  return {.run = id_of(run), .facts = std::move(facts)};
}

inline delivery held(const job_row& job) {
  return {.job = job.id, .attempt = job.attempt, .holder = job.holder, .uncounted_attempt = job.attempt - 1};
}

/// What becomes of a job, alone or with the facts of `with`.
inline commit step_of(const job_row& job, job_change what, commit with = {}) {
  with.jobs.push_back({.whose = held(job), .change = std::move(what)});
  return with;
}

/// The value, or a failure that says why there is none.
template <class T>
T must(result<T> got) {
  if (!got) throw std::runtime_error(to_string(got.error()));
  return *std::move(got);
}

class store_contract : public ::testing::TestWithParam<backend> {
 protected:
  /// Writes as the first process.
  storage::batch_outcome write(const std::vector<commit>& commits, time_point now = t0) {
    storage::batch what{.now = now};
    for (const commit& next : commits) what.commits.push_back(&next);
    return must(one->write(what));
  }
  commit_outcome write(const commit& what, time_point now = t0) { return write(std::vector{what}, now).commits.at(0); }

  job_id insert(job_insert job, time_point now = t0) {
    commit what;
    what.inserts.push_back(std::move(job));
    return write(what, now).inserted.at(0);
  }
  job_id insert() { return insert({.queue = "q", .worker = "plain"}); }

  storage::batch_outcome fetch(std::size_t limit = 10, time_point now = t0, std::vector<std::string> stage = {}) {
    return must(one->write({.now = now, .stage = std::move(stage), .claims = {{"q", limit}}, .attempted_by = me}));
  }
  std::vector<job_id> fetched(std::size_t limit = 10, time_point now = t0, std::vector<std::string> stage = {}) {
    std::vector<job_id> ids;
    for (const auto& claimed : fetch(limit, now, std::move(stage)).claimed) ids.push_back(claimed.job.id);
    return ids;
  }
  job_row fetch_one(time_point now = t0) { return fetch(1, now).claimed.at(0).job; }

  commit_outcome change_job(const job_row& job, job_change what, time_point now = t0) {
    return write(step_of(job, std::move(what)), now);
  }
  job_row read(job_id id) { return one->read_job(id).value(); }

  std::unique_ptr<test_database> database = GetParam().make();
  std::unique_ptr<storage::store> one = database->open();
  std::unique_ptr<storage::store> two = database->open();
};

}  // namespace squid_mesh::testing
