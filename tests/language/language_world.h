// What the tests of the workflow language share: a database of either kind, and meshes on it through the public API.
#pragma once

#include "storage/postgres_database.h"
#include "storage/sqlite_database.h"
#include "support/eventually.h"

#include <squid_mesh/squid_mesh.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace squid_mesh::testing {

using namespace std::chrono_literals;

/// What handlers did, in order. Safe to use from several threads.
class trace {
 public:
  void add(std::string what) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(what));
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  [[nodiscard]] std::ptrdiff_t count(const std::string& what) const {
    const auto all = lines();
    return std::ranges::count(all, what);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// Holds handlers until it is opened.
class doorstep {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    came_.notify_all();
    opened_.wait(lock, [this] { return open_; });
  }
  /// Waits until so many handlers have come; false after ten seconds.
  bool wait_for(int handlers) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, 10s, [&] { return waiting_ >= handlers; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  std::condition_variable came_;
  int waiting_ = 0;
  bool open_ = false;
};

/// What a test of the language has: one mesh that works, and others where it wants them.
class language : public ::testing::TestWithParam<backend> {
 protected:
  mesh open(const std::string& name = "node") {
    auto opened = mesh::open({.database = database_->url(), .log = [](level, std::string_view) {}, .node_name = name});
    if (!opened) throw std::runtime_error(to_string(opened.error()));
    return *std::move(opened);
  }

  /// A handler that writes the step's name into the trace and returns a value.
  handler note(json output = json::object()) {
    return [this, output = std::move(output)](const json&, step_context& context) -> result<json> {
      seen_.add(std::string(context.step()));
      return output;
    };
  }

  template <class T>
  static T must(result<T> got) {
    if (!got) throw std::runtime_error(to_string(got.error()));
    if constexpr (!std::is_void_v<T>) return *std::move(got);
  }

  static run_view ended(const mesh& m, const run_id& id) {
    must(m.await_run(id, 30s));
    return must(m.inspect_run(id, {.include_history = true}));
  }

  /// Waits until the run is in a state: somebody else brings it there.
  static bool reaches(const mesh& m, const run_id& id, run_status wanted) {
    return until([&] { return must(m.inspect_run(id)).status == wanted; });
  }

  static bool until(const std::function<bool()>& holds) { return eventually(holds, 20s); }

  static step_status status_of(const run_view& run, const std::string& step) {
    const auto found = std::ranges::find(run.steps, step, &step_view::name);
    if (found == run.steps.end()) throw std::runtime_error("no step " + step);
    return found->status;
  }

  static std::vector<std::string> kinds(const run_view& run) {
    std::vector<std::string> names;
    names.reserve(run.history.size());
    for (const audit_event& each : run.history) names.push_back(each.kind);
    return names;
  }
  static bool has_event(const run_view& run, const std::string& kind) {
    const auto all = kinds(run);
    return std::ranges::find(all, kind) != all.end();
  }

  std::unique_ptr<test_database> database_ = GetParam().make();
  trace seen_;
};

/// For `INSTANTIATE_TEST_SUITE_P`: both databases, by name.
inline auto both_databases() {
  return ::testing::Values(backend{"sqlite", [] { return std::make_unique<sqlite_file>(); }},
                           backend{"postgres", [] { return std::make_unique<postgres_database>(); }});
}
inline std::string database_name(const ::testing::TestParamInfo<backend>& of) { return of.param.name; }

}  // namespace squid_mesh::testing
