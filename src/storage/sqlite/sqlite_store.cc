#include "storage/sqlite/sqlite_store.h"

#include "model/run_job.h"
#include "storage/guarded.h"
#include "storage/sqlite/apply_commit.h"
#include "storage/sqlite/connection.h"
#include "storage/sqlite/job_sql.h"
#include "storage/sqlite/migrations.h"
#include "storage/sqlite/overview_sql.h"
#include "storage/sqlite/retention_sql.h"
#include "storage/sqlite/run_sql.h"
#include "storage/sqlite/schedule_sql.h"
#include "storage/sqlite/upkeep.h"
#include "storage/sqlite/writers.h"

#include <squid_mesh/sqlite.hpp>

#include <chrono>
#include <exception>
#include <mutex>
#include <semaphore>
#include <utility>

namespace squid_mesh::storage::sqlite {
namespace {

/// Readable by other processes while one writes; every commit is on the disk before it returns.
constexpr const char* pragmas = R"sql(
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = 4000;
  PRAGMA temp_store = MEMORY;
)sql";

/// What an error of SQLite's means, by its primary code.
errc meaning(int primary) {
  switch (primary) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return errc::unavailable;
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
      return errc::invalid_argument;
    default:
      return errc::storage;
  }
}

error to_error(const std::exception& e) {
  errc code = errc::storage;
  if (const auto* refusal = dynamic_cast<const failure*>(&e)) code = meaning(refusal->code() & 0xFF);
  if (dynamic_cast<const schema_too_new*>(&e) != nullptr) code = errc::schema_mismatch;
  return {.code = code, .message = e.what(), .retryable = code == errc::unavailable};
}

template <class Work>
auto guarded(Work&& work) {
  return storage::guarded(std::forward<Work>(work), to_error);
}

/// Whether a commit that failed half-way is on the disk is known only by looking.
template <class T>
result<T> in_doubt_if(bool committing, result<T> outcome) {
  if (!outcome && committing && outcome.error().code == errc::storage) outcome.error().code = errc::in_doubt;
  return outcome;
}

/// A connection that reads, and its lock.
struct reading_side {
  explicit reading_side(const std::string& path)
      : database(path), runs(database), jobs(database), schedules(database), ends(database) {}

  std::mutex mutex;
  connection database;
  run_reader runs;
  job_reader jobs;
  schedule_reader schedules;
  end_reader ends;
};

/// One writer at a time. Unlike a mutex's, its wait has an end, and whoever holds it may ask for it in vain: a handler
/// in its transaction can call anything.
class write_permit {
 public:
  explicit write_permit(std::binary_semaphore& of) : of_(of) {
    if (!of_.try_acquire_for(longest_wait)) {
      throw failure(SQLITE_BUSY, "a transactional step of this process holds the database");
    }
  }
  write_permit(const write_permit&) = delete;
  write_permit& operator=(const write_permit&) = delete;
  ~write_permit() { of_.release(); }

 private:
  static constexpr std::chrono::seconds longest_wait{1};
  std::binary_semaphore& of_;
};

/// A part of a host's transaction; what it wrote goes back unless it was kept.
class savepoint {
 public:
  explicit savepoint(connection& database) : database_(database) { database_.execute("SAVEPOINT squid_mesh"); }
  savepoint(const savepoint&) = delete;
  savepoint& operator=(const savepoint&) = delete;
  ~savepoint() {
    if (kept_) return;
    sqlite3_exec(database_.handle(), "ROLLBACK TO squid_mesh; RELEASE squid_mesh", nullptr, nullptr, nullptr);
  }
  void keep() {
    database_.execute("RELEASE squid_mesh");
    kept_ = true;
  }

 private:
  connection& database_;
  bool kept_ = false;
};

/// The connection that writes, and its lock.
struct writing_side {
  explicit writing_side(const std::string& path)
      : database(path),
        to(database),
        retention(database),
        journals(database),
        job_rows(database),
        data_version(database, {"data_version", "PRAGMA data_version"}) {
    database.execute(pragmas);
    migrate(database);
  }

  std::binary_semaphore permit{1};
  connection database;
  writers to;
  retention_writer retention;
  run_reader journals;
  job_reader job_rows;
  statement data_version;
  std::int64_t seen_version = 0;
};

/// A step's transaction, on the connection that writes.
class step_work final : public unit_of_work {
 public:
  explicit step_work(writing_side& on)
      : on_(on), alone_(on.permit), change_(on.database), face_(on.database.handle()) {}

  squid_mesh::transaction& hosts_side() override { return face_; }

  result<commit_outcome> commit(const squid_mesh::commit& what, time_point now) override {
    if (!on_.database.in_transaction()) {
      return std::unexpected(error{.code = errc::conflict, .message = "the step has ended the transaction"});
    }
    bool committing = false;
    auto outcome = guarded([&] {
      commit_outcome made = apply(on_.to, what, now);
      committing = made.applied;
      if (made.applied) change_.commit();
      return made;
    });
    return in_doubt_if(committing, std::move(outcome));
  }

 private:
  writing_side& on_;
  write_permit alone_;
  transaction change_;
  squid_mesh::sqlite::connection_transaction face_;
};

class sqlite_store final : public store {
 public:
  explicit sqlite_store(const std::string& path) : write_(path), read_(path) {}

  result<batch_outcome> write(const batch& what) override {
    bool committing = false;
    auto outcome = guarded([&] {
      const write_permit alone(write_.permit);
      transaction change(write_.database);
      batch_outcome made = apply(what);
      committing = true;
      change.commit();
      return made;
    });
    return in_doubt_if(committing, std::move(outcome));
  }

  result<bool> was_applied(const commit& what) override {
    return reading([&](reading_side& db) {
      if (what.facts.empty()) return what.start && db.runs.find(what.start->id);
      const auto found = db.runs.fact_at(what.run, what.facts.front().seq);
      return found && same_fact(*found, what.facts.front());
    });
  }

  result<std::vector<commit_outcome>> write_in(squid_mesh::transaction& hosts, std::span<const commit> commits,
                                               time_point now) override {
    auto* const within = dynamic_cast<squid_mesh::sqlite::connection_transaction*>(&hosts);
    if (within == nullptr) {
      return std::unexpected(error{.code = errc::invalid_argument, .message = "the transaction is not one on SQLite"});
    }
    if (sqlite3_get_autocommit(within->connection()) != 0) {
      return std::unexpected(error{.code = errc::conflict, .message = "the connection has no open transaction"});
    }
    return guarded([&] {
      connection database(within->connection());
      writers to(database);
      savepoint all_or_none(database);
      std::vector<commit_outcome> outcomes;
      for (const commit& next : commits) outcomes.push_back(sqlite::apply(to, next, now));
      all_or_none.keep();
      return outcomes;
    });
  }

  result<std::unique_ptr<unit_of_work>> begin() override {
    return guarded([&]() -> std::unique_ptr<unit_of_work> { return std::make_unique<step_work>(write_); });
  }

  result<time_point> beat(const heartbeat& what) override {
    return writing([&](writing_side& db) {
      db.to.jobs.beat(what);
      return what.now;
    });
  }

  result<void> remove_node(const node_identity& node) override {
    return writing([&](writing_side& db) { db.to.jobs.remove_node(node); });
  }

  result<std::vector<claimed_job>> find_orphans(std::span<const std::string> queues, time_point now,
                                                std::size_t limit) override {
    return reading([&](reading_side& db) {
      const transaction view(db.database, transaction::kind::read);
      std::vector<claimed_job> found;
      for (const std::string& queue : queues) {
        for (job_row& job : db.jobs.orphans(queue, now, limit)) {
          found.push_back(with_journal(std::move(job), db.runs));
        }
      }
      return found;
    });
  }

  result<std::vector<claimed_job>> find_claimed(std::span<const std::string> queues,
                                                std::string_view attempted_by) override {
    return reading([&](reading_side& db) {
      const transaction view(db.database, transaction::kind::read);
      std::vector<claimed_job> found;
      for (const std::string& queue : queues) {
        for (job_row& job : db.jobs.claimed(queue, attempted_by))
          found.push_back(with_journal(std::move(job), db.runs));
      }
      return found;
    });
  }

  result<std::size_t> mend_runs(const std::string& queue, time_point now, std::size_t limit) override {
    return writing([&](writing_side& db) { return mend(db.to, queue, now, limit); });
  }

  result<std::size_t> prune_jobs(std::span<const std::string> queues, time_point before, std::size_t limit) override {
    return writing([&](writing_side& db) {
      std::size_t pruned = 0;
      for (const std::string& queue : queues) pruned += db.to.jobs.prune(queue, before, limit);
      return pruned;
    });
  }

  result<std::vector<job_id>> being_cancelled(std::span<const job_id> ids) override {
    return reading([&](reading_side& db) {
      std::vector<job_id> unwanted;
      for (const job_id id : ids) {
        const auto job = db.jobs.find(id);
        const auto branch = job ? driven_by(*job) : std::nullopt;
        if (branch && db.runs.is_ending(branch->run)) unwanted.push_back(id);
      }
      return unwanted;
    });
  }

  /// Any change will do: who made it and of what isn't known.
  bool changed_by_others(std::span<const std::string> /*queues*/) override {
    return guarded([&] {
             const write_permit alone(write_.permit);
             write_.data_version.next();
             const std::int64_t version = write_.data_version.integer(0);
             write_.data_version.reset();
             return std::exchange(write_.seen_version, version) != version;
           })
        .value_or(true);
  }

  hearing listening() override { return hearing::notified; }

  result<void> put_definition(std::string_view fingerprint, std::string_view name, std::string_view version,
                              std::string_view document, time_point now) override {
    return writing([&](writing_side& db) { db.to.runs.put_definition(fingerprint, name, version, document, now); });
  }

  result<std::string> get_definition(std::string_view fingerprint) override {
    return or_not_found(reading([&](reading_side& db) { return db.runs.definition(fingerprint); }),
                        "definition " + std::string(fingerprint));
  }

  result<std::vector<definition_record>> list_definitions(std::string_view name) override {
    return reading([&](reading_side& db) { return overview_reader(db.database).definitions(name); });
  }
  result<std::vector<node_record>> list_nodes() override {
    return reading([&](reading_side& db) { return overview_reader(db.database).nodes(); });
  }
  result<std::vector<queue_record>> list_queues() override {
    return reading([&](reading_side& db) { return overview_reader(db.database).queues(); });
  }

  result<std::map<run_status, std::size_t>> count_live_runs() override {
    return reading([&](reading_side& db) { return overview_reader(db.database).live_runs(); });
  }

  result<journal> read_run(const run_id& id) override { return read_journal(id, journal_part::whole); }
  result<journal> read_recent(const run_id& id) override { return read_journal(id, journal_part::recent); }

  result<std::optional<run_id>> find_by_start_key(std::string_view workflow, std::string_view key) override {
    return reading([&](reading_side& db) { return db.runs.find_by_start_key(workflow, key); });
  }

  result<std::vector<job_row>> jobs_of_run(const run_id& id) override {
    return reading([&](reading_side& db) { return db.jobs.of_run(id); });
  }

  result<run_status> read_status(const run_id& id) override {
    auto run = or_not_found(reading([&](reading_side& db) { return db.runs.find(id); }), "run " + to_string(id));
    if (!run) return std::unexpected(std::move(run).error());
    return run->shown_status;
  }

  result<std::vector<run_record>> list_runs(const run_filter& filter,
                                            const std::optional<run_id>& older_than) override {
    return reading([&](reading_side& db) { return db.runs.list(filter, older_than); });
  }

  result<std::vector<std::string>> workflows_with_ends() override {
    return reading([&](reading_side& db) { return db.ends.workflows(); });
  }

  result<std::optional<ended_run>> find_end(const end_range& among, std::size_t newer) override {
    return reading([&](reading_side& db) { return db.ends.find_last_but(among, newer); });
  }

  result<std::vector<ended_run>> find_ended(const end_range& among, std::size_t limit) override {
    return reading([&](reading_side& db) { return db.ends.find(among, limit); });
  }

  result<std::vector<run_id>> delete_ended(std::span<const ended_run> runs) override {
    return writing([&](writing_side& db) {
      std::vector<run_id> gone;
      for (const ended_run& each : runs) {
        if (db.retention.remove_ended(each)) gone.push_back(each.id);
      }
      return gone;
    });
  }

  result<bool> import_run(const run_import& what, time_point now) override {
    return writing([&](writing_side& db) {
      if (db.to.runs.exists(what.history.run.id)) return false;
      db.to.runs.put_definition(what.history.run.definition, what.definition_name, what.definition_version,
                                what.definition_document, now);
      db.retention.insert(what.history);
      for (const fact& each : what.history.facts) {
        if (db.to.runs.append(what.history.run.id, each)) continue;
        throw failure(SQLITE_CONSTRAINT, "fact " + std::to_string(each.seq) + " can't be stored");
      }
      return true;
    });
  }

  result<bool> delete_imported(const run_id& id) override {
    return writing([&](writing_side& db) { return db.retention.remove_imported(id); });
  }

  result<job_row> read_job(job_id id) override {
    return or_not_found(reading([&](reading_side& db) { return db.jobs.find(id); }), "job " + to_string(id));
  }

  result<std::vector<job_row>> list_jobs(const jobs::job_filter& filter) override {
    return reading([&](reading_side& db) { return db.jobs.list(filter); });
  }

  result<bool> cancel_job(job_id id, time_point now) override {
    return writing([&](writing_side& db) { return db.to.jobs.cancel(id, now); });
  }

  result<bool> retry_job(job_id id, time_point now) override {
    return writing([&](writing_side& db) { return db.to.jobs.retry(id, now); });
  }

  result<std::vector<job_id>> not_executing(std::span<const job_id> ids) override {
    return reading([&](reading_side& db) {
      std::vector<job_id> ended;
      for (const job_id id : ids) {
        if (!db.jobs.is_executing(id)) ended.push_back(id);
      }
      return ended;
    });
  }

  result<void> set_paused(std::string_view queue, bool paused, time_point now) override {
    return writing([&](writing_side& db) { db.to.jobs.set_paused(queue, paused, now); });
  }

  result<void> put_schedule(const schedule_record& what, const std::string& queue, time_point now) override {
    return writing([&](writing_side& db) { sqlite::put_schedule(db.to, what, queue, now); });
  }

  result<std::vector<schedule_record>> list_schedules() override {
    return reading([&](reading_side& db) { return db.schedules.list(); });
  }

  result<bool> set_schedule_paused(std::string_view workflow, std::string_view trigger, bool paused, time_point next_at,
                                   time_point now) override {
    auto changed = writing(
        [&](writing_side& db) { return sqlite::set_schedule_paused(db.to, workflow, trigger, paused, next_at, now); });
    return or_not_found(std::move(changed), "schedule " + std::string(trigger) + " of " + std::string(workflow));
  }

 private:
  template <class Work>
  auto reading(Work&& work) -> result<decltype(work(std::declval<reading_side&>()))> {
    const std::lock_guard lock(read_.mutex);
    return guarded([&] { return work(read_); });
  }

  /// In a transaction of its own.
  template <class Work>
  auto writing(Work&& work) -> result<decltype(work(std::declval<writing_side&>()))> {
    return guarded([&] {
      const write_permit alone(write_.permit);
      transaction change(write_.database);
      if constexpr (std::is_void_v<decltype(work(write_))>) {
        work(write_);
        change.commit();
      } else {
        auto made = work(write_);
        change.commit();
        return made;
      }
    });
  }

  result<journal> read_journal(const run_id& id, journal_part which) {
    auto found = reading([&](reading_side& db) {
      // One view of all of it: a run that ends meanwhile would look half-ended.
      const transaction view(db.database, transaction::kind::read);
      return db.runs.read(id, which);
    });
    return or_not_found(std::move(found), "run " + to_string(id));
  }

  static claimed_job with_journal(job_row job, run_reader& runs) {
    claimed_job claimed{.job = std::move(job), .run = std::nullopt};
    const auto branch = driven_by(claimed.job);
    if (!branch) return claimed;
    if (branch->is == driven_branch::role::one_of_many) {
      claimed.last_seq = runs.last_seq(branch->run);
      return claimed;
    }
    claimed.run = runs.read(branch->run, journal_part::recent);
    return claimed;
  }

  batch_outcome apply(const batch& what) {
    batch_outcome outcome;
    outcome.commits.reserve(what.commits.size());
    for (const commit* next : what.commits) outcome.commits.push_back(sqlite::apply(write_.to, *next, what.now));
    for (const std::string& queue : what.stage) {
      write_.to.jobs.stage(queue, what.now);
      if (write_.to.jobs.has_available(queue)) outcome.available.push_back(queue);
    }
    for (const claim& wanted : what.claims) {
      for (job_row& job : write_.to.jobs.claim(wanted, what.attempted_by, what.now)) {
        outcome.claimed.push_back(with_journal(std::move(job), write_.journals));
      }
    }
    for (const std::string& queue : what.stage) {
      const auto due = write_.to.jobs.next_due(queue);
      if (due && (!outcome.next_due || *due < *outcome.next_due)) outcome.next_due = due;
    }
    return outcome;
  }

  writing_side write_;
  reading_side read_;
};

}  // namespace

result<std::unique_ptr<store>> open_store(const std::string& path) {
  return guarded([&]() -> std::unique_ptr<store> { return std::make_unique<sqlite_store>(path); });
}

}  // namespace squid_mesh::storage::sqlite
