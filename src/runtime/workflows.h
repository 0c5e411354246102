// The workflows that this process knows, and the definitions that its runs are pinned to.
#pragma once

#include "model/run_job.h"
#include "progress/run_state.h"
#include "storage/store.h"

#include <squid_mesh/action.hpp>
#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/time.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <typeindex>
#include <unordered_map>
#include <vector>

namespace squid_mesh::inline v1 {

/// Safe to use from several threads.
class workflows {
 public:
  explicit workflows(storage::store& store) : store_(store) {}

  /// Stores the definition and remembers the handlers of its action steps; `invalid_argument` where one has none, or
  /// where a handler's step isn't there.
  result<void> add(definition workflow, std::map<std::string, handler> handlers, time_point now);

  /// The newest definition that was added under this name; `not_found`.
  result<std::shared_ptr<const definition>> find(std::string_view name) const;

  /// The same, or else the newest one of the name in the database: what was added by other processes. `not_found`.
  result<std::shared_ptr<const definition>> newest(std::string_view name);

  /// The definition with this fingerprint, from the database if need be; `not_found`.
  result<std::shared_ptr<const definition>> pinned(const std::string& fingerprint);

  /// The state of a run, by the definition to which it is pinned. Where a snapshot can't be used, the whole journal is
  /// read.
  result<run_state> fold(const journal& history);

  /// Every definition that was added, the newest of its name.
  [[nodiscard]] std::vector<std::shared_ptr<const definition>> all() const;

  /// The handler of a step, by the names of the workflow and the step; null where this process has none.
  std::shared_ptr<const handler> find_handler(std::string_view workflow, std::string_view step) const;

  /// What runs of a cron trigger get as payload when this process fires it; an empty object where nothing was set.
  void set_tick_payload(schedule_name of, json payload);
  [[nodiscard]] json tick_payload(const schedule_name& of) const;

  /// Objects of the host, by type.
  void provide(std::type_index type, void* object);
  [[nodiscard]] void* host_object(std::type_index type) const;

 private:
  struct known {
    std::shared_ptr<const definition> newest;
    std::map<std::string, std::shared_ptr<const handler>, std::less<>> handlers;
  };

  storage::store& store_;
  mutable std::mutex mutex_;
  std::map<std::string, known, std::less<>> by_name_;
  std::unordered_map<std::string, std::shared_ptr<const definition>> by_fingerprint_;
  std::unordered_map<std::type_index, void*> host_objects_;
  std::map<schedule_name, json> tick_payloads_;
};

}  // namespace squid_mesh::inline v1
