#include "storage/postgres/postgres_store.h"

#include "base/fault.h"
#include "storage/guarded.h"
#include "storage/node_queues.h"
#include "storage/postgres/commit_sql.h"
#include "storage/postgres/commit_text.h"
#include "storage/postgres/health_sql.h"
#include "storage/postgres/job_sql.h"
#include "storage/postgres/link.h"
#include "storage/postgres/listener.h"
#include "storage/postgres/mend_sql.h"
#include "storage/postgres/migrations.h"
#include "storage/postgres/overview_sql.h"
#include "storage/postgres/retention_sql.h"
#include "storage/postgres/run_sql.h"
#include "storage/postgres/schedule_sql.h"
#include "storage/postgres/step_work.h"

#include <squid_mesh/json.hpp>
#include <squid_mesh/postgres.hpp>

#include <array>
#include <exception>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

/// `writing`: whether a lost answer leaves a write in doubt.
template <class Work>
auto guarded(bool writing, Work&& work) {
  return storage::guarded(std::forward<Work>(work), [writing](const std::exception& e) {
    const auto* refusal = dynamic_cast<const failure*>(&e);
    return refusal != nullptr ? to_error(*refusal, writing) : error{.code = errc::storage, .message = e.what()};
  });
}

/// A link and its lock.
struct side {
  side(std::string url, purpose use) : to_server(std::move(url), use) {}
  std::mutex mutex;
  link to_server;
};

/// What is said where a fence refuses a commit that was trusted.
constexpr std::string_view unique_violation = "23505";
/// Where one commit was refused, others are likely to be: a node that works on what others have taken over, or a crowd
/// of commands.
constexpr int batches_of_distrust = 100;

std::string array_of(std::span<const std::string> texts) { return array_of(element::text, texts); }

class postgres_store final : public store {
 public:
  explicit postgres_store(const target& where)
      : url_(where.url),
        tables_(where.tables),
        runs_(tables_),
        jobs_(tables_),
        schedules_(tables_),
        mending_(tables_),
        retention_(tables_),
        commits_(tables_),
        notify_("SELECT pg_notify($1::text, $2::text)"),
        write_(where.url, purpose::batches),
        read_(where.url, purpose::queries),
        steps_(where.url, where.step_connections),
        ears_(where.url, tables_, [this](const std::string& payload) { notify(payload); }) {}

  result<void> prepare(bool migrate_it) {
    const std::lock_guard lock(write_.mutex);
    auto done = guarded(false, [&] { return migrate(write_.to_server.get(), tables_, migrate_it); });
    return done ? *std::move(done) : std::unexpected(std::move(done).error());
  }

  result<batch_outcome> write(const batch& what) override {
    const std::lock_guard lock(write_.mutex);
    return guarded(true, [&] { return apply(write_.to_server.get(), what); });
  }

  result<bool> was_applied(const commit& what) override {
    // Over the link that wrote: it has seen to it that nothing is under way any more.
    return on(write_, false, [&](connection& db) {
      if (what.facts.empty()) return what.start && find_run(db, runs_, what.start->id);
      const auto found = fact_at(db, runs_, what.run, what.facts.front().seq);
      return found && same_fact(*found, what.facts.front());
    });
  }

  result<std::vector<commit_outcome>> write_in(transaction& hosts, std::span<const commit> commits,
                                               time_point now) override {
    auto* const within = dynamic_cast<squid_mesh::postgres::transaction*>(&hosts);
    if (within == nullptr) {
      return std::unexpected(
          error{.code = errc::invalid_argument, .message = "the transaction is not one on PostgreSQL"});
    }
    std::vector<const commit*> all;
    for (const commit& each : commits) all.push_back(&each);
    std::vector<commit_outcome> outcomes(commits.size());
    for (const wave& asked : in_waves(all, trust::none)) {
      const request spelled = commits_.spell(asked, now);
      auto rows = within->execute(spelled.sql->text(), spelled.values.values());
      if (!rows) return std::unexpected(std::move(rows).error());
      const auto& row = rows->at(0);
      commit_speller::read(asked, {.applied = row.at(0), .changed = row.at(1), .ids = row.at(2)}, outcomes);
    }
    return outcomes;
  }

  result<std::unique_ptr<unit_of_work>> begin() override {
    return guarded(false, [&] { return begin_work(steps_, commits_); });
  }

  result<time_point> beat(const heartbeat& what) override {
    return writing([&](connection& db) {
      parameters values;
      values.add(what.node.id).add(what.node.name).add(what.now).add(what.expires_at).add(text_of(what.queues));
      values.add(what.forgets_before);
      return db.run(jobs_.beat, std::move(values)).time(0, 0);
    });
  }

  result<void> remove_node(const node_identity& node) override {
    return writing([&](connection& db) { db.run(jobs_.remove_node, std::move(parameters().add(node.id))); });
  }

  result<std::vector<claimed_job>> find_orphans(std::span<const std::string> queues, time_point now,
                                                std::size_t limit) override {
    return writing([&](connection& db) {
      parameters values;
      values.add_bytes(array_of(queues)).add(now).add(limit);
      return read_claimed(db.run(jobs_.find_orphans, std::move(values)));
    });
  }

  result<std::vector<claimed_job>> find_claimed(std::span<const std::string> queues,
                                                std::string_view attempted_by) override {
    return writing([&](connection& db) {
      parameters values;
      values.add_bytes(array_of(queues)).add(attempted_by);
      return read_claimed(db.run(jobs_.find_claimed, std::move(values)));
    });
  }

  result<std::size_t> mend_runs(const std::string& queue, time_point now, std::size_t limit) override {
    return writing([&](connection& db) { return mend(db, mending_, queue, now, limit); });
  }

  result<std::size_t> prune_jobs(std::span<const std::string> queues, time_point before, std::size_t limit) override {
    return writing([&](connection& db) {
      parameters values;
      values.add_bytes(array_of(queues)).add(before).add(limit);
      return static_cast<std::size_t>(db.run(jobs_.prune, std::move(values)).affected());
    });
  }

  result<std::vector<job_id>> being_cancelled(std::span<const job_id> ids) override {
    return reading([&](connection& db) { return ids_among(db, jobs_.being_cancelled, ids); });
  }

  bool changed_by_others(std::span<const std::string> queues) override {
    const std::lock_guard lock(ears_mutex_);
    return ears_.heard(queues);
  }

  hearing listening() override {
    const std::lock_guard lock(ears_mutex_);
    return ears_.state();
  }

  result<void> put_definition(std::string_view fingerprint, std::string_view name, std::string_view version,
                              std::string_view document, time_point now) override {
    return writing([&](connection& db) {
      parameters values;
      values.add(fingerprint).add(name).add(version).add(document).add(now);
      db.run(runs_.put_definition, std::move(values));
    });
  }

  result<std::string> get_definition(std::string_view fingerprint) override {
    auto found = reading([&](connection& db) -> std::optional<std::string> {
      const rows document = db.run(runs_.get_definition, std::move(parameters().add(fingerprint)));
      if (document.size() == 0) return std::nullopt;
      return std::string(document.text(0, 0));
    });
    return or_not_found(std::move(found), "definition " + std::string(fingerprint));
  }

  result<std::vector<definition_record>> list_definitions(std::string_view name) override {
    return reading([&](connection& db) { return postgres::list_definitions(db, tables_, name); });
  }
  result<std::vector<node_record>> list_nodes() override {
    return reading([&](connection& db) { return postgres::list_nodes(db, tables_); });
  }
  result<std::vector<queue_record>> list_queues() override {
    return reading([&](connection& db) { return postgres::list_queues(db, tables_); });
  }

  result<std::map<run_status, std::size_t>> count_live_runs() override {
    return reading([&](connection& db) { return postgres::count_live_runs(db, tables_); });
  }

  result<server_health> read_server() override {
    return aside(false, [&](connection& db) { return postgres::read_server(db); });
  }
  result<health> read_health(time_point now, const health_bounds& bounds) override {
    return aside(false, [&](connection& db) { return postgres::read_health(db, tables_, now, bounds); });
  }
  /// As the ears of this store are tested, but anew: what they once found out may be over.
  result<hearing> test_hearing() override {
    return guarded(false,
                   [&] { return try_to_hear(url_, tables_, [this](const std::string& text) { notify(text); }); });
  }

  result<journal> read_run(const run_id& id) override { return read(runs_.read, id); }
  result<journal> read_recent(const run_id& id) override { return read(runs_.read_recent, id); }

  /// In one round trip.
  result<whole_run> read_whole(const run_id& id, std::size_t max_children) override {
    auto found = reading([&](connection& db) -> std::optional<whole_run> {
      std::array<request, 3> asked{request{.sql = &runs_.read}, request{.sql = &jobs_.of_run},
                                   request{.sql = &runs_.children}};
      for (request& each : asked) {
        each.values.add(id);
        each.ends_transaction = false;
      }
      asked.back().values.add(max_children);
      const auto answers = db.run(asked);
      const rows& run = answers[0].value();
      if (run.size() == 0) return std::nullopt;
      return whole_run{.history = read_journal(run, 0, 0),
                       .jobs = read_jobs(answers[1].value()),
                       .children = read_runs(answers[2].value())};
    });
    return or_not_found(std::move(found), "run " + to_string(id));
  }

  result<std::optional<run_id>> find_by_start_key(std::string_view workflow, std::string_view key) override {
    return reading([&](connection& db) { return postgres::find_by_start_key(db, runs_, workflow, key); });
  }

  result<std::vector<job_row>> jobs_of_run(const run_id& id) override {
    return reading([&](connection& db) { return read_jobs(db.run(jobs_.of_run, std::move(parameters().add(id)))); });
  }

  result<run_status> read_status(const run_id& id) override {
    auto run = or_not_found(reading([&](connection& db) { return find_run(db, runs_, id); }), "run " + to_string(id));
    if (!run) return std::unexpected(std::move(run).error());
    return run->shown_status;
  }

  result<std::vector<run_record>> list_runs(const run_filter& filter,
                                            const std::optional<run_id>& older_than) override {
    return reading([&](connection& db) { return postgres::list_runs(db, tables_, filter, older_than); });
  }

  result<std::vector<std::string>> workflows_with_ends() override {
    return aside(false, [&](connection& db) { return postgres::workflows_with_ends(db, retention_); });
  }

  result<std::optional<ended_run>> find_end(const end_range& among, std::size_t newer) override {
    return aside(false, [&](connection& db) { return postgres::find_end(db, retention_, among, newer); });
  }

  result<std::vector<ended_run>> find_ended(const end_range& among, std::size_t limit) override {
    return aside(false, [&](connection& db) { return postgres::find_ended(db, retention_, among, limit); });
  }

  result<std::vector<run_id>> delete_ended(std::span<const ended_run> runs) override {
    return aside(true, [&](connection& db) { return postgres::delete_ended(db, retention_, runs); });
  }

  result<bool> import_run(const run_import& what, time_point now) override {
    return aside(true, [&](connection& db) { return postgres::import_run(db, retention_, runs_, what, now); });
  }

  result<bool> delete_imported(const run_id& id) override {
    return aside(true, [&](connection& db) { return postgres::delete_imported(db, retention_, id); });
  }

  result<job_row> read_job(job_id id) override {
    return or_not_found(reading([&](connection& db) { return find_job(db, jobs_, id); }), "job " + to_string(id));
  }

  result<std::vector<job_row>> list_jobs(const jobs::job_filter& filter) override {
    return reading([&](connection& db) { return postgres::list_jobs(db, tables_, filter); });
  }

  result<bool> cancel_job(job_id id, time_point now) override { return change_one(jobs_.cancel, id, now); }
  result<bool> retry_job(job_id id, time_point now) override { return change_one(jobs_.retry, id, now); }

  result<std::vector<job_id>> not_executing(std::span<const job_id> ids) override {
    return reading([&](connection& db) { return ids_among(db, jobs_.not_executing, ids); });
  }

  result<void> set_paused(std::string_view queue, bool paused, time_point now) override {
    return writing([&](connection& db) {
      parameters values;
      values.add(queue);
      if (paused) values.add(now);
      db.run(paused ? jobs_.pause : jobs_.resume, std::move(values));
    });
  }

  result<void> put_schedule(const schedule_record& what, const std::string& queue, time_point now) override {
    return writing([&](connection& db) { postgres::put_schedule(db, schedules_, what, queue, now); });
  }

  result<std::vector<schedule_record>> list_schedules() override {
    return reading([&](connection& db) { return postgres::list_schedules(db, schedules_); });
  }

  result<bool> set_schedule_paused(std::string_view workflow, std::string_view trigger, bool paused, time_point next_at,
                                   time_point now) override {
    auto changed = writing([&](connection& db) {
      return postgres::set_schedule_paused(db, schedules_, workflow, trigger, paused, next_at, now);
    });
    return or_not_found(std::move(changed), "schedule " + std::string(trigger) + " of " + std::string(workflow));
  }

 private:
  result<journal> read(const statement& sql, const run_id& id) {
    return or_not_found(reading([&](connection& db) { return read_journal(db, sql, id); }), "run " + to_string(id));
  }

  template <class Work>
  using result_of = result<std::invoke_result_t<Work, connection&>>;

  template <class Work>
  result_of<Work> on(side& where, bool writes, Work&& work) {
    const std::lock_guard lock(where.mutex);
    return guarded(writes, [&] { return work(where.to_server.get()); });
  }
  template <class Work>
  result_of<Work> writing(Work&& work) {
    return on(write_, true, std::forward<Work>(work));
  }
  template <class Work>
  result_of<Work> reading(Work&& work) {
    return on(read_, false, std::forward<Work>(work));
  }

  /// On a connection for steps: what takes longer doesn't hold up turns and readers, and needs no connection more.
  template <class Work>
  result_of<Work> aside(bool writes, Work&& work) {
    return guarded(writes, [&] {
      const auto held = steps_.borrow();
      return work(held->to_server().get());
    });
  }

  result<bool> change_one(const statement& sql, job_id id, time_point now) {
    return writing(
        [&](connection& db) { return db.run(sql, std::move(parameters().add(id.value).add(now))).affected() == 1; });
  }

  void notify(const std::string& payload) {
    auto told = writing(
        [&](connection& db) { db.run(notify_, std::move(parameters().add(insert_channel(tables_)).add(payload))); });
    if (!told) throw failure(failure::kind::unreachable, "", told.error().message);
  }

  /// Trusts that the fences let all through, which is the rule, and where one doesn't, does it all again with care.
  batch_outcome apply(connection& db, const batch& what) {
    if (distrusted_ == 0) {
      try {
        return apply(db, what, trust::likely);
      } catch (const failure& why) {
        if (why.sqlstate() != unique_violation) throw;
        distrusted_ = batches_of_distrust;
      }
    } else {
      --distrusted_;
    }
    return apply(db, what, trust::none);
  }

  /// One round trip: staging in a transaction of its own, then everything else in one.
  batch_outcome apply(connection& db, const batch& what, trust how) {
    std::vector<request> requests;
    if (!what.stage.empty()) {
      requests.push_back({.sql = &jobs_.stage});
      requests.back().values.add_bytes(array_of(what.stage)).add(what.now);
    }
    const auto waves = in_waves(what.commits, how);
    for (const wave& next : waves) requests.push_back(commits_.spell(next, what.now));
    add_claims(requests, what);
    for (std::size_t i = what.stage.empty() ? 0 : 1; i + 1 < requests.size(); ++i) requests[i].ends_transaction = false;

    fault::point();
    const auto answers = db.run(requests);
    fault::point();
    batch_outcome outcome;
    outcome.commits.resize(what.commits.size());
    auto next = answers.begin();
    if (!what.stage.empty()) read_staged(*next++, requests.size() == 1, outcome);
    for (const wave& asked : waves) {
      const rows& found = (next++)->value();
      commit_speller::read(asked, {.applied = found.text(0, 0), .changed = found.text(0, 1), .ids = found.text(0, 2)},
                           outcome.commits);
    }
    if (!what.claims.empty()) outcome.claimed = read_claimed(answers.back().value());
    return outcome;
  }

  void add_claims(std::vector<request>& requests, const batch& what) {
    if (what.claims.empty()) return;
    array queues(element::text);
    array limits(element::integer);
    array everywhere(element::integer);
    array counted(element::text);
    bool counts = false;
    for (const claim& wanted : what.claims) {
      queues.push(wanted.queue);
      limits.push(static_cast<std::int32_t>(wanted.limit));
      everywhere.push(wanted.everywhere ? std::optional(static_cast<std::int32_t>(*wanted.everywhere)) : std::nullopt);
      if (!wanted.everywhere) continue;
      counted.push(wanted.queue);
      counts = true;
    }
    if (counts) {
      requests.push_back({.sql = &jobs_.lock_queues});
      requests.back().values.add_bytes(counted.take());
    }
    requests.push_back({.sql = &jobs_.claim});
    requests.back()
        .values.add_bytes(queues.take())
        .add_bytes(limits.take())
        .add_bytes(everywhere.take())
        .add(what.attempted_by)
        .add(what.now);
  }

  /// Where staging was refused but the rest was not, the rest stands; staging is tried again soon anyway.
  static void read_staged(const answer& staged, bool alone, batch_outcome& outcome) {
    if (staged.refusal && !alone) return;
    const rows& found = staged.value();
    outcome.available = json::parse(found.text(0, 0)).get<std::vector<std::string>>();
    outcome.next_due = found.optional_time(0, 1);
  }

  const std::string url_;
  const schema tables_;
  const run_statements runs_;
  const job_statements jobs_;
  const schedule_statements schedules_;
  const mend_statements mending_;
  const retention_statements retention_;
  commit_speller commits_;
  int distrusted_ = 0;  ///< so many batches more are written with care; of whoever holds `write_`
  const statement notify_;
  side write_;
  side read_;
  work_pool steps_;
  std::mutex ears_mutex_;
  listener ears_;
};

}  // namespace

result<std::unique_ptr<store>> open_store(const target& where) {
  auto opened = std::make_unique<postgres_store>(where);
  if (auto ready = opened->prepare(where.migrate); !ready) return std::unexpected(std::move(ready).error());
  return opened;
}

}  // namespace squid_mesh::storage::postgres
