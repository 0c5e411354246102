// Whole nodes in one thread, on one in-memory database, under a seeded scheduler with virtual time. The same seed
// gives the same history.
#pragma once

#include "base/executor.h"
#include "base/random.h"
#include "jobs/node.h"
#include "progress/decide.h"
#include "runtime/run_worker.h"
#include "runtime/workflows.h"
#include "storage/store.h"
#include "support/virtual_clock.h"

#include <squid_mesh/squid_mesh.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace squid_mesh::testing {

/// How often, out of a thousand scheduling steps or writes, something goes wrong.
struct faults {
  int kills = 0;        ///< a process dies
  int pauses = 0;       ///< a process stands still, for up to three leases
  int refusals = 0;     ///< the database refuses a write
  int lost_before = 0;  ///< a write's answer is lost, and the write too
  int lost_after = 0;   ///< a write's answer is lost, but the write happened
  int meddling = 0;     ///< somebody cancels a job, or makes it available again, whatever it is doing
  int people = 0;       ///< somebody does what `simulation::people` says
};

/// What the world consists of: workflows with their handlers, the same on every node.
struct cast_member {
  definition workflow;
  std::map<std::string, handler> handlers;
};

class simulation {
 public:
  simulation(std::uint64_t seed, faults faults);
  simulation(const simulation&) = delete;
  simulation& operator=(const simulation&) = delete;
  ~simulation();

  void add_workflow(const definition& workflow, const std::map<std::string, handler>& handlers);
  /// Adds a process with workers. A dead process is replaced by a new one a little later.
  void add_node(std::size_t concurrency);

  /// Starts a run from outside, as a client process would.
  run_id start(std::string_view workflow, const json& payload = json::object());

  /// Gives a command from outside; the error says why it can't be given.
  std::optional<error> give(const run_id& run, const command_event& what);
  /// What people do now and then. Unlike a fault it goes on when all is calm.
  std::function<void(std::mt19937_64& dice)> people = [](std::mt19937_64&) {};

  /// Lets time pass until `done` or until `limit` of virtual time is over; says whether it is done.
  bool run_until(const std::function<bool()>& done, microseconds limit);
  /// Nothing goes wrong from now on.
  void calm() { faults_ = {.people = faults_.people}; }

  [[nodiscard]] time_point now() const { return clock_.now(); }
  [[nodiscard]] storage::store& store() { return *store_; }
  [[nodiscard]] bool all_ended();
  [[nodiscard]] const std::vector<run_id>& started() const { return started_; }
  /// How often something went wrong, by name: a test of rare things makes sure that they happened.
  std::map<std::string, int> marks;

 private:
  class process;

  void step();
  [[nodiscard]] bool chance(int per_mille) { return std::uniform_int_distribution(1, 1000)(dice_) <= per_mille; }
  std::unique_ptr<storage::store> open_store(bool faulty);
  void meddle();
  void start_process(std::size_t concurrency);

  friend class faulty_store;

  std::mt19937_64 dice_;
  seeded_random random_;
  virtual_clock clock_;
  faults faults_;
  const std::string database_;
  std::unique_ptr<storage::store> store_;
  std::vector<cast_member> cast_;
  std::vector<std::unique_ptr<process>> processes_;
  std::vector<std::pair<time_point, std::size_t>> births_;  ///< processes to come, with their concurrency
  std::vector<run_id> started_;
  int named_ = 0;
};

}  // namespace squid_mesh::testing
