// squid_mesh/jobs.hpp - plain background jobs on the job table, without any workflow.
#pragma once

#include <squid_mesh/error.hpp>
#include <squid_mesh/ids.hpp>
#include <squid_mesh/json.hpp>
#include <squid_mesh/log.hpp>
#include <squid_mesh/telemetry.hpp>
#include <squid_mesh/time.hpp>
#include <squid_mesh/transaction.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::jobs {

/// The states of a job, as the job table stores them. `suspended` belongs to other programs and is never touched.
enum class state { available, suspended, scheduled, executing, retryable, completed, discarded, cancelled };

std::string_view to_string(state s);
std::optional<state> parse_state(std::string_view name);

/// A job to be inserted.
struct new_job {
  std::string worker{};                      ///< who handles it: 1 to 127 bytes
  json args = json::object();                ///< an object
  std::string queue = "default";             ///< 1 to 127 bytes
  json meta = json::object();                ///< an object
  std::vector<std::string> tags{};           ///< stored trimmed, in lower case, each once
  int priority = 0;                          ///< 0 (first) to 9
  int max_attempts = 20;                     ///< at least 1
  std::optional<time_point> scheduled_at{};  ///< unset: at once
};

/// A row of the job table.
struct job {
  job_id id;
  jobs::state state = jobs::state::available;
  std::string queue;
  std::string worker;
  json args;
  json meta;
  std::vector<std::string> tags;
  json errors;  ///< a list of objects with `attempt`, `at` and `error`
  int attempt = 0;
  int max_attempts = 20;
  int priority = 0;
  time_point inserted_at{};
  time_point scheduled_at{};
  std::optional<time_point> attempted_at;
  std::vector<std::string> attempted_by;  ///< the node's name and its uuid
  std::optional<time_point> completed_at;
  std::optional<time_point> discarded_at;
  std::optional<time_point> cancelled_at;
};
/// Instants are ISO-8601; those that are not set are left out.
json to_json(const job& row);

/// How one execution of a job ended.
struct outcome {
  enum class kind { done, failed, snoozed, cancelled, discarded };
  kind is = kind::done;
  std::string reason{};
  std::optional<microseconds> delay{};
};

/// The job is completed.
outcome done();
/// It is tried again while it has attempts left: after `delay`, or after Oban's backoff where that is unset.
outcome failed(std::string reason, std::optional<microseconds> delay = std::nullopt);
/// It comes back after `delay`; this doesn't count as an attempt.
outcome snooze(microseconds delay);
/// It is not wanted any more.
outcome cancel(std::string reason);
/// It failed and is not tried again.
outcome discard(std::string reason);

/// Handles one job. Called from many threads at once; an exception counts as `failed`. Stop is requested when the job
/// is cancelled or the process shuts down and the grace period has passed.
using job_handler = std::function<outcome(const job& work, std::stop_token stop)>;

/// The seconds to wait before attempt `attempt + 1`, without jitter, by Oban's rule: 15 + 2^attempt, with the exponent
/// scaled down where there are more than 20 attempts.
std::chrono::seconds default_backoff(int attempt, int max_attempts);

struct queue_options {
  std::string queue = "default";
  std::size_t limit = 10;                   ///< jobs at the same time in this process
  std::optional<std::size_t> everywhere{};  ///< if set, in all living processes together
};

struct engine_options {
  std::string database{};          ///< as in `mesh_options`
  bool migrate = true;             ///< as in `mesh_options`
  std::string node_name{};         ///< unset: host name and process id
  log_sink log{};                  ///< unset: standard error
  telemetry_handlers telemetry{};  ///< see <squid_mesh/telemetry.hpp>
  std::vector<queue_options> queues = {{}};
  milliseconds grace{10'000};
  milliseconds lease{10'000};
  milliseconds poll{1'000};
  milliseconds keep_finished{60'000};
};

struct job_filter {
  std::string queue{};
  std::string worker{};
  std::vector<state> states{};
  std::size_t limit = 50;  ///< 1 to 1,000
};

/// Puts jobs on queues and works on them. Every member function may be called from any thread.
class engine {
 public:
  /// Opens the database and brings its schema up to date, where that is wanted.
  static result<engine> open(engine_options options);

  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;
  engine(engine&&) noexcept;
  engine& operator=(engine&&) noexcept;
  ~engine();

  /// Names the function that handles the jobs of a worker. Call it before `start`. A fetched job whose worker has no
  /// handler here fails with a reason that says so.
  void handle(std::string worker, job_handler handler);

  /// Inserts a job. `errc::invalid_argument` lists everything that is wrong with it.
  result<job_id> enqueue(new_job work);
  /// The same within a transaction of the host's (see <squid_mesh/postgres.hpp>, <squid_mesh/sqlite.hpp>): the job
  /// exists if and when that commits. `errc::conflict` where the transaction isn't open.
  result<job_id> enqueue(transaction& within, new_job work);
  /// Inserts all of them or none, in one transaction.
  result<std::vector<job_id>> enqueue_all(const std::vector<new_job>& work);

  [[nodiscard]] result<job> find(job_id id) const;
  /// Newest first.
  [[nodiscard]] result<std::vector<job>> list(const job_filter& filter = {}) const;

  /// Cancels a job that has not ended; a running one is asked to stop. `errc::conflict` where it has ended.
  result<void> cancel(job_id id);
  /// Makes a job that is not running available again, with one attempt more if it had none left.
  /// `errc::conflict` where it is available or running.
  result<void> retry(job_id id);

  /// Stops fetching from a queue in every process, until `resume`. Running jobs go on. Kept in the database.
  result<void> pause(std::string_view queue);
  result<void> resume(std::string_view queue);

  /// As in `mesh`.
  result<void> start();
  void stop();
  result<void> work();

 private:
  struct impl;
  explicit engine(std::unique_ptr<impl> state);

  std::unique_ptr<impl> impl_;
};

}  // namespace squid_mesh::inline v1::jobs
#pragma GCC visibility pop
