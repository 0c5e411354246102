// A node: one process of workers. Its turns gather what is to be written, claim what there is room for, and do the
// duties of recovery.
#pragma once

#include "base/clock.h"
#include "base/executor.h"
#include "base/random.h"
#include "jobs/worker.h"
#include "model/commit.h"
#include "storage/store.h"
#include "telemetry/channel.h"

#include <squid_mesh/error.hpp>
#include <squid_mesh/log.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace squid_mesh::inline v1::jobs {

/// The world around a node, from outside so that a test can be it. Everything outlives the node.
struct environment {
  clock_source* clock = nullptr;
  random_source* random = nullptr;
  executor* tasks = nullptr;
  log_sink log;
  telemetry_channel* telemetry = nullptr;  ///< none: nobody listens
};

using queue_setting = node_queue;

struct node_settings {
  node_identity identity;
  std::vector<queue_setting> queues;
  microseconds lease = std::chrono::seconds(10);        ///< without a heartbeat for so long, a node is taken for dead
  microseconds poll = std::chrono::seconds(1);          ///< at the latest, look for due and available jobs again
  microseconds glance = std::chrono::milliseconds(25);  ///< look so often whether another process wrote something
  microseconds keep_finished = std::chrono::seconds(60);
  std::size_t max_batch = 1'000;  ///< commits in one turn; a submission is never split
};

/// What becomes of a submission: an outcome for each commit.
using written = std::move_only_function<void(result<std::vector<commit_outcome>>)>;

/// What to do while the database refuses.
enum class patience {
  give_up,  ///< Tell the caller.
  persist,  ///< Try again until it works, unless it never can: for what workers have done.
};

/// Threads: `submit`, `write`, `wake`, `at` and `cancel_timer` may be called from any thread, `turn` too (turns take
/// their turn). Callbacks run in the turn, outside of any lock but the turn's; they have to be short.
class node {
 public:
  node(storage::store& store, environment around);
  node(const node&) = delete;
  node& operator=(const node&) = delete;
  ~node() { abandon(); }

  // -- Before work begins

  /// Who executes the jobs of this worker string.
  void add_worker(std::string name, std::shared_ptr<worker> who);
  /// Something to do every `interval` while the node works. Errors are logged.
  void add_duty(std::string name, microseconds interval, std::function<result<void>(time_point now)> run_once);
  /// Called in the turn for every commit that was applied.
  void set_observer(std::function<void(const commit&)> observer);
  /// Called when a turn is wanted at once; must not call the node. When this returns, the one before is not called any
  /// more.
  void set_waker(std::function<void()> waker);

  // -- Writing

  /// Has the commits written in one transaction by a turn soon.
  void submit(std::vector<commit> commits, patience how, written done);
  /// Has them written and waits for it. Takes a turn itself where no loop does.
  result<std::vector<commit_outcome>> write(std::vector<commit> commits);
  /// Whether a loop takes the turns from now on.
  void set_driven(bool driven);

  /// Takes notice of a commit that was applied in another way, as a turn does of those it writes.
  void note_written(const commit& applied);

  // -- Working

  /// From the next turn on, claims jobs and does its duties. Fails when the first heartbeat can't be written.
  result<void> begin_work(node_settings settings);
  /// Claims nothing more.
  void begin_drain();
  [[nodiscard]] bool draining() const { return draining_; }
  /// Asks everything that still runs to stop.
  void interrupt();
  /// Whether nothing runs and nothing waits to be written.
  [[nodiscard]] bool quiet() const;
  /// Whether the database has refused the last write.
  [[nodiscard]] bool refused() const { return refusals_ > 0; }
  /// Forgets what the database didn't take. Others will find the jobs when the heartbeat expires.
  void abandon();
  /// Ends work: the node's heartbeat is removed, so that others needn't wait for it to expire.
  void end_work();

  /// One round: writes what was submitted, claims, does what is due. Returns when it wants the next one at the latest.
  time_point turn();

  /// Runs `what` in a turn at or soon after `when`. The number is for `cancel_timer`.
  std::uint64_t at(time_point when, task what);
  void cancel_timer(std::uint64_t id);

  /// There may be work in any queue: the next turn, at once, looks.
  void look_again();
  /// Withdraws a running job, if it runs here.
  void withdraw(job_id id);
  /// The jobs that run here.
  [[nodiscard]] std::vector<job_id> running() const;

  /// Jobs that run here, and submissions that wait to be written.
  struct load {
    std::size_t running = 0;
    std::size_t submitted = 0;
    bool operator==(const load&) const = default;
  };
  [[nodiscard]] load present_load() const;

  /// How many batches have been written.
  [[nodiscard]] std::uint64_t batches() const { return batches_; }
  [[nodiscard]] const environment& around() const { return around_; }
  /// Whether somebody listens to what happens.
  [[nodiscard]] bool is_heard() const { return around_.telemetry != nullptr && around_.telemetry->is_heard(); }
  [[nodiscard]] const node_identity& identity() const { return settings_.identity; }
  [[nodiscard]] storage::store& store() const { return store_; }

 private:
  struct submission {
    std::vector<commit> commits;
    patience how = patience::give_up;
    written done;
  };
  struct queue_state {
    std::size_t limit = 0;
    std::optional<std::size_t> everywhere{};
    std::size_t running = 0;
    bool maybe_more = true;  ///< whether a claim could find something
  };
  struct duty {
    std::string name;
    microseconds interval{};
    std::function<result<void>(time_point)> run_once;
    time_point next{};
  };
  struct timer {
    std::uint64_t id = 0;
    task what;
  };

  void wake();
  void run_timers(time_point now);
  void run_duties(time_point now);
  void glance(time_point now);

  std::vector<submission> take_submissions();
  storage::batch plan(const std::vector<submission>& taken, time_point now);
  void write_batch(std::vector<submission> taken, const storage::batch& batch, time_point now);
  void write_apart(std::vector<submission> taken, time_point now);
  void note_claims(const storage::batch& batch, const storage::batch_outcome& outcome, time_point now);
  void settle(std::vector<submission> taken, storage::batch_outcome outcome);
  void settle_failure(std::vector<submission> taken, const error& reason, const storage::batch& batch);
  void settle_doubt(submission doubtful, std::vector<submission>& again);
  void note_available(const commit& next);
  void note_delays(const commit& made);
  void observe(const commit& applied, const commit_outcome& outcome);
  void tell_batch(std::size_t commits, time_point began) const;
  void tell_fetched(const std::vector<storage::claimed_job>& claimed) const;
  void deliver(std::vector<storage::claimed_job> claimed);
  void deliver_forgotten(time_point now);
  void release(const std::string& queue, job_id id);
  void expect_due(time_point when);
  time_point next_turn(time_point now) const;

  result<void> beat(time_point now);
  result<void> rescue(time_point now);
  result<void> prune(time_point now);
  result<void> watch(time_point now);
  delivery delivery_of(const job_row& job) const;

  storage::store& store_;
  const environment around_;
  std::map<std::string, std::shared_ptr<worker>, std::less<>> workers_;

  // Of turns alone.
  std::mutex turn_mutex_;
  std::function<void(const commit&)> observer_;
  std::vector<duty> duties_;
  std::string attempted_by_;
  std::vector<std::string> queue_names_;
  time_point next_poll_{};  ///< look whether others have brought work
  time_point next_due_{};   ///< work of our own that had to wait comes due
  storage::hearing hearing_ = storage::hearing::unknown;
  time_point next_glance_{};
  bool claims_in_doubt_ = false;  ///< jobs may have been claimed without our knowing
  time_point blocked_until_{};    ///< the database refused: no writing before

  std::atomic<int> refusals_ = 0;  ///< in a row
  std::atomic<std::uint64_t> batches_ = 0;
  std::atomic<bool> draining_ = false;
  std::atomic<bool> driven_ = false;

  // Held while the waker is called: whoever sets another one knows that nobody calls the old one any more.
  std::mutex waker_mutex_;
  std::function<void()> waker_;

  // Guarded by mutex_.
  mutable std::mutex mutex_;
  node_settings settings_;
  bool working_ = false;
  std::vector<submission> submitted_;
  std::map<std::string, queue_state, std::less<>> queues_;
  std::unordered_map<job_id, std::weak_ptr<slot>> slots_;
  std::size_t occupied_ = 0;
  std::size_t unsettled_ = 0;  ///< submissions that a turn has taken and not settled
  bool claiming_ = false;      ///< a turn may bring jobs that nobody has begun yet
  std::multimap<time_point, timer> timers_;
  std::uint64_t next_timer_ = 1;
};

}  // namespace squid_mesh::inline v1::jobs
