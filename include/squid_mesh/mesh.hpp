// squid_mesh/mesh.hpp - the engine: add workflows, start runs, work on them, look at them.
#pragma once

#include <squid_mesh/action.hpp>
#include <squid_mesh/definition.hpp>
#include <squid_mesh/diagnosis.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/explanation.hpp>
#include <squid_mesh/graph.hpp>
#include <squid_mesh/ids.hpp>
#include <squid_mesh/log.hpp>
#include <squid_mesh/retention.hpp>
#include <squid_mesh/run.hpp>
#include <squid_mesh/telemetry.hpp>
#include <squid_mesh/transaction.hpp>
#include <squid_mesh/workflow.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeindex>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

struct mesh_options {
  /// `sqlite:PATH`, created where it is missing, or `postgresql://...` as libpq reads it, with three parameters
  /// more: `schema=NAME` says where the tables are (default `public`), `migrate=no` refuses a schema that is not up to
  /// date where it would otherwise be migrated, and `step_connections=N` is how many transactional steps may be in
  /// their transactions at the same time (default 4); others wait.
  std::string database{};
  /// Otherwise nothing is migrated and no SQLite file is made: `errc::schema_mismatch` where the schema is not up to
  /// date, `errc::not_found` where there is no file.
  bool migrate = true;
  /// The queue on which runs wait for a worker.
  std::string queue = "squid_mesh";
  /// The longest payload accepted, as JSON text.
  std::size_t max_payload_bytes = 1U << 20U;
  /// Where the library and the steps write their log; unset: standard error.
  log_sink log{};
  /// Who is told what happens in this process: see <squid_mesh/telemetry.hpp>.
  telemetry_handlers telemetry{};
  /// What this process calls itself in histories; unset: host name and process id. No spaces.
  std::string node_name{};
};

/// How many runs of a queue are worked on at the same time.
struct queue_limit {
  std::string queue;
  std::size_t limit = 10;  ///< by this process
  /// By all processes together, if set: what living processes execute is counted, so that one that dies leaks nothing.
  std::optional<std::size_t> everywhere{};
};

struct work_options {
  std::vector<queue_limit> queues = {{"squid_mesh", 10}};
  /// How long running steps may go on after a stop was asked for, before their stop tokens say so.
  milliseconds grace{10'000};
  /// A process that has not been heard of for so long is taken for dead, and its work is given to others.
  milliseconds lease{10'000};
  /// How often to look for work that other processes brought. Work of this process needs no looking.
  milliseconds poll{1'000};
  /// How many runs' commits are written in one transaction at most; 1 gives each one its own.
  std::size_t max_batch = 1'000;
  /// How long finished job rows are kept; runs and their history stay.
  milliseconds keep_finished_jobs{60'000};
  /// Which finished runs are deleted, with their history, while this process works: on a thread of their own, in small
  /// batches with pauses between them, and a minute after the last one that had to go. Any number of processes may have
  /// policies, the same or others. None: runs stay for ever.
  std::vector<retention_policy> retention{};
  /// Where each of those runs goes before it is deleted; unset: nowhere.
  export_sink export_pruned{};
};

struct start_options {
  /// Which trigger's payload is meant; empty: the workflow's first.
  std::string trigger{};
  /// At most one run of the workflow is started under one key, which has at most 255 bytes; empty: no such limit.
  std::string idempotency_key{};
  std::optional<time_point> start_at{};  ///< not before; unset: at once
  milliseconds start_after{0};           ///< the same from now on; one of them at most
  /// A run that hasn't ended by then fails; its running steps are asked to stop.
  std::optional<time_point> deadline{};
  milliseconds time_limit{0};  ///< the same from its start on; one of them at most; zero: none
  int priority = 0;            ///< of its jobs: 0 (first) to 9
  /// The W3C trace context of the caller, to which the run's trace then belongs. What isn't one is ignored, as that
  /// standard wants it.
  std::string traceparent{};
};

/// Who does something to a run and why. Both are in the run's history.
struct command {
  std::string actor{};
  std::string reason{};
  /// A command that a run has had under the same key isn't repeated; at most 255 bytes; empty: it is.
  std::string idempotency_key{};
};

/// A person's decision at a gate. It becomes the gate's output.
struct gate_decision {
  std::string actor{};  ///< required for approvals and rejections
  std::string comment{};
  json metadata = nullptr;
  std::string idempotency_key{};  ///< as of `command`
  std::string step{};             ///< which gate; empty: the one that is open
};

struct signal_options {
  std::string actor{};
  std::string idempotency_key{};  ///< as of `command`
};

struct retry_options : command {
  /// An object of objects, by step: what a step at which the run goes on reads instead of its declared input.
  json input = nullptr;
};

struct migrate_options : command {
  /// The fingerprint of the definition by which the run is to go on; empty: the newest of its workflow that was added
  /// here, or else by any process.
  std::string definition{};
  /// Steps that are called otherwise there: the new names by the old ones.
  std::map<std::string, std::string> steps{};
};

struct replay_options : command {
  /// Pin the new run to the workflow as this process knows it, or else to the newest one that any process has added,
  /// rather than to the definition of the old one.
  bool newest_definition = false;
  /// Replay the run although steps have completed in it whose effects can't be undone or made good.
  bool allow_irreversible = false;
};

/// What a command has come to.
struct command_receipt {
  run_status status = run_status::pending;  ///< the run's, after it
  bool repeated = false;                    ///< it had been given before, under the same key: nothing has changed
};

/// What one command of many has come to.
struct bulk_outcome {
  run_id run;
  result<command_receipt> outcome;
};

/// What one replay of many has come to.
struct bulk_replay {
  run_id run;  ///< the old one
  result<run_ref> outcome;
};

/// What becomes of a run that hasn't ended where this process works on it.
enum class run_outlook {
  goes_on,            ///< Along its own definition, with this process's handlers.
  waits_for_handler,  ///< Its present step has no handler here: it waits for a process that has one.
  blocked,            ///< This process can't read its definition or its history.
};
/// `goes_on`, `waits_for_handler`, `blocked`.
std::string_view to_string(run_outlook outlook);

/// One run that hasn't ended, as this process sees it.
struct live_run {
  run_summary run;
  std::string definition;  ///< the fingerprint to which it is pinned
  bool is_newest = false;  ///< that is the definition which this process has added last
  run_outlook outlook = run_outlook::goes_on;
  std::vector<std::string> missing;  ///< steps at which it is or to which it may come, and that have no handler here
  std::string why;                   ///< a sentence
};

/// A definition that was added to the database.
struct definition_view {
  std::string fingerprint;
  std::string workflow;
  std::string version;
  time_point added_at{};
};
json to_json(const definition_view& of);

/// A process that works on the database, or did: one that ends well is no longer listed.
struct node_view {
  std::string name;
  std::string id;  ///< a uuid, new for each start
  time_point started_at{};
  time_point heard_of_at{};  ///< its last heartbeat
  bool is_alive = true;      ///< otherwise its work is given to others
  /// On which queues it works. Empty: its version of the library doesn't say.
  std::vector<queue_limit> queues;
};
json to_json(const node_view& node);

/// A queue that has jobs which haven't ended, that is paused, or on which a living process works.
struct queue_view {
  std::string queue;
  std::size_t available = 0;  ///< due, and nobody has fetched them
  std::size_t scheduled = 0;  ///< for later
  std::size_t executing = 0;
  std::size_t retryable = 0;                ///< failed, and tried again later
  std::optional<time_point> waiting_since;  ///< since when the oldest available one is due
  bool is_paused = false;                   ///< nothing is fetched from it
  std::size_t nodes = 0;                    ///< living processes that work on it
  std::size_t limit = 0;  ///< how many of its jobs those execute at the same time, each by its own limit
  std::optional<std::size_t> everywhere;  ///< and all together, the strictest limit of theirs
};
json to_json(const queue_view& queue);

/// A cron trigger that was added, and when it fires.
struct schedule_view {
  std::string workflow;
  std::string trigger;
  std::string expression;
  std::string timezone;
  time_point next_at{};
  std::optional<time_point> last_at;  ///< the intended time of the last tick
  std::optional<run_id> last_run;     ///< what that has started
  bool paused = false;
};
json to_json(const schedule_view& schedule);

/// An open database with the workflows that this process knows.
///
/// Every member function may be called from any thread. Moving is cheap; destroying stops the workers first.
/// Runs live in the database: they go on when any process works on it.
class mesh {
 public:
  /// Opens the database and brings its schema up to date, where that is wanted.
  static result<mesh> open(mesh_options options);

  mesh(const mesh&) = delete;
  mesh& operator=(const mesh&) = delete;
  mesh(mesh&&) noexcept;
  mesh& operator=(mesh&&) noexcept;
  ~mesh();

  /// Makes a workflow known to this process and stores its definition. `handlers` binds steps declared with
  /// `bound_action`, by name, and compensations by theirs (`STEP.compensate`). Call it before `start`. An action step
  /// without a handler is an error.
  result<void> add(const declaration& workflow, std::map<std::string, handler> handlers = {});

  /// The same for a definition that came as data; every action step needs an entry in `handlers`.
  result<void> add(definition workflow, std::map<std::string, handler> handlers);

  /// Gives actions an object of the host, found by its type through `step_context::host`. The host keeps it alive
  /// while the mesh works. A second object of one type replaces the first. Call it before `start`.
  template <class T>
  void provide(T& object) {
    provide(typeid(T), &object);
  }

  /// Starts a run: validates the payload (null is as good as an empty object), fills in defaults and stores the run.
  /// The workflow is the one that was added here, or else the newest of the name that any process has added. When this
  /// returns, the run is durable. `errc::invalid_payload` lists every problem; nothing was written then.
  result<run_ref> start_run(std::string_view workflow, json payload = json::object(),
                            const start_options& options = {});
  result<run_ref> start_run(const declaration& workflow, json payload = json::object(),
                            const start_options& options = {});

  /// The same within a transaction of the host's (see <squid_mesh/postgres.hpp>, <squid_mesh/sqlite.hpp>): the run
  /// exists if and when that commits. `errc::conflict` where the transaction isn't open. After any error but a bad
  /// payload, roll it back.
  result<run_ref> start_run(transaction& within, std::string_view workflow, json payload = json::object(),
                            const start_options& options = {});
  result<run_ref> start_run(transaction& within, const declaration& workflow, json payload = json::object(),
                            const start_options& options = {});

  /// Starts many runs of one workflow in one transaction: all or, if any payload is invalid, none.
  result<std::vector<run_ref>> start_runs(std::string_view workflow, const std::vector<json>& payloads,
                                          const start_options& options = {});

  // -- Commands. Each is recorded in the run's history, and needs no workflow code. Errors: `not_found`; `conflict`
  // where
  //    the run's state forbids it, whose `kind` says why; `invalid_argument` for what is asked. They are safe against
  //    workers and against each other: whoever comes second sees what the first has done.

  /// Ends a pause: the run goes on.
  result<command_receipt> unblock_run(const run_id& id, const gate_decision& decision = {});
  /// Approves at an approval gate: the run goes on when as many people have as the gate wants.
  result<command_receipt> approve_run(const run_id& id, const gate_decision& decision);
  /// Rejects at an approval gate: the run goes on along its error route.
  result<command_receipt> reject_run(const run_id& id, const gate_decision& decision);

  /// Brings an event to a run. A step that awaits it goes on; otherwise it is kept until one does.
  result<command_receipt> signal_run(const run_id& id, std::string_view event, json data = nullptr,
                                     const signal_options& options = {});

  /// Cancels a run. What waits ends at once; running steps are asked to stop, and what they still return is recorded,
  /// but not applied: until then the run is `cancelling`.
  result<command_receipt> cancel_run(const run_id& id, const command& by = {});

  /// A compensation that has failed for good keeps its run paused until somebody says what becomes of it: it is tried
  /// again, or skipped, or was done by other means. The last two need an actor and a reason. `conflict` of the kind
  /// "no_failed_compensation" where none waits.
  result<command_receipt> retry_compensation(const run_id& id, const command& by = {});
  result<command_receipt> skip_compensation(const run_id& id, const command& by);
  result<command_receipt> mark_compensated(const run_id& id, const command& by);

  /// Lets a failed run go on where it failed. Not one whose steps have been compensated.
  result<command_receipt> retry_run(const run_id& id, const retry_options& options = {});

  /// Lets a run that has not ended go on by another definition of its workflow. That is done where the definition could
  /// have had this very history, and comes to the same point by it: everything in which the definitions differ is then
  /// still ahead. A run at which a worker is at this moment is not moved. Errors: `invalid_argument` for steps that
  /// aren't there, `not_found`, and `conflict` of the kind "executed", "same_definition", "other_history" (it would
  /// have gone another way), "other_position" (it would be elsewhere now), "other_terms" (what it waits for, has tried
  /// or has completed is declared otherwise), "other_payload" (that would not be taken, or secrets of it would be
  /// shown), "run_has_ended" or "run_is_ending".
  result<command_receipt> migrate_run(const run_id& id, const migrate_options& options = {});

  /// Starts a new run with the payload of an old one, to which it is linked. Under an idempotency key at most once.
  /// `errc::conflict` of the kind "irreversible" where steps stand in its way: see `allow_irreversible`; the error's
  /// details name them as `steps`.
  result<run_ref> replay_run(const run_id& id, const replay_options& options = {});

  /// The same for all runs that match, newest first, `filter.limit` at most. Where the filter names no status: those
  /// that haven't ended, and those that have failed.
  result<std::vector<bulk_outcome>> cancel_runs(run_filter filter, const command& by = {});
  result<std::vector<bulk_outcome>> retry_runs(run_filter filter, const command& by = {});
  result<std::vector<bulk_outcome>> migrate_runs(run_filter filter, const migrate_options& options = {});
  result<std::vector<bulk_replay>> replay_runs(const run_filter& filter, const replay_options& options = {});

  /// The same at gates, where the filter names no status: for those that are paused. A run whose open gate is another
  /// one, or that is paused for another reason, is refused as it would be alone. `invalid_argument` for a decision that
  /// no run could take: nothing was done then.
  result<std::vector<bulk_outcome>> unblock_runs(run_filter filter, const gate_decision& decision = {});
  result<std::vector<bulk_outcome>> approve_runs(run_filter filter, const gate_decision& decision);
  result<std::vector<bulk_outcome>> reject_runs(run_filter filter, const gate_decision& decision);

  /// Brings an event to all runs that match; where the filter names no status, to those that haven't ended and are not
  /// about to. `invalid_argument` for an event that no run could take: nothing was done then.
  result<std::vector<bulk_outcome>> signal_runs(run_filter filter, std::string_view event, const json& data = nullptr,
                                                const signal_options& options = {});

  /// What becomes of a workflow's runs that haven't ended, newest first: those of its present definition, and those
  /// that are pinned to earlier ones. To be asked after `add` of a changed definition. At most `limit` (1 to 1,000).
  [[nodiscard]] result<std::vector<live_run>> list_live_runs(std::string_view workflow, std::size_t limit = 100) const;

  // -- Schedules: the cron triggers of all workflows that were added to the database

  [[nodiscard]] result<std::vector<schedule_view>> list_schedules() const;
  /// False: it was so already. `not_found` where there is no such schedule.
  result<bool> pause_schedule(std::string_view workflow, std::string_view trigger);
  result<bool> resume_schedule(std::string_view workflow, std::string_view trigger);
  /// Starts a run as a tick at this moment would.
  result<run_ref> trigger_schedule(std::string_view workflow, std::string_view trigger);
  /// What the runs get as payload that this process's ticks start: needed where fields have no default.
  void set_schedule_payload(std::string_view workflow, std::string_view trigger, json payload);

  // -- Looking

  /// A run as it is now. Needs no workflow code.
  [[nodiscard]] result<run_view> inspect_run(const run_id& id, inspect_options options = {}) const;

  /// Why a run is where it is, and what can be done about it. Needs no workflow code.
  [[nodiscard]] result<explanation> explain_run(const run_id& id) const;

  /// A run as the graph of its steps: where it went, and where it can still go. Needs no workflow code.
  [[nodiscard]] result<run_graph> inspect_graph(const run_id& id) const;

  /// The runs that match, newest first.
  [[nodiscard]] result<run_page> list_runs(const run_filter& filter = {}) const;

  /// The definitions in the database, by workflow, the newest of each first; of one workflow, or of all.
  [[nodiscard]] result<std::vector<definition_view>> list_definitions(std::string_view workflow = {}) const;
  /// The definition of a fingerprint; `not_found`.
  [[nodiscard]] result<definition> find_definition(std::string_view fingerprint) const;
  /// Those heard of last first.
  [[nodiscard]] result<std::vector<node_view>> list_nodes() const;
  /// By name.
  [[nodiscard]] result<std::vector<queue_view>> list_queues() const;
  /// How many runs haven't ended, imported ones aside, by the status that is stored: `running` need not be, so some of
  /// the others may be running just now.
  [[nodiscard]] result<std::map<run_status, std::size_t>> count_live_runs() const;

  /// Looks for what keeps runs and jobs from going on. Reads samples of bounded size, oldest first, and changes
  /// nothing; it may take some seconds, in which it tests whether notifications arrive.
  [[nodiscard]] diagnosis diagnose(const diagnose_options& options = {}) const;
  /// The same of a database that may not even open, which is a finding then. Migrates nothing.
  [[nodiscard]] static diagnosis diagnose_database(mesh_options where, const diagnose_options& options = {});

  /// Waits until the run has ended and returns it; `errc::timeout` where it hasn't by then.
  [[nodiscard]] result<run_view> await_run(const run_id& id, milliseconds timeout) const;

  // -- Retention: see <squid_mesh/retention.hpp>

  /// Deletes finished runs once, at most `options.limit`, those that ended first before others; with their history and
  /// the finished jobs that they name. Definitions stay. Runs that go on are never touched, nor are those that somebody
  /// is changing at the moment. After an error, some may be gone already.
  result<prune_report> prune_runs(const retention_policy& policy, const prune_options& options = {});

  /// A run, finished or not, as one JSON document: with its definition, everything that happened to it, and the jobs
  /// that it names, as far as they are still there. Its form is stable (`version`); instants are ISO-8601. Values of
  /// `secret` payload fields are masked wherever they occur. Needs no workflow code.
  [[nodiscard]] result<json> export_run(const run_id& id) const;

  /// Stores a run that was exported, also elsewhere, to be looked at: it is listed, inspected, explained and drawn as
  /// any other, and says that it was imported. Nothing ever works on it, no command changes it (`errc::conflict` of the
  /// kind "imported"), it holds no idempotency key, and retention leaves it alone. `existing`: that run is here
  /// already, be it its original or an import, and stays as it is; `errc::conflict` of the kind "another_run" where its
  /// id belongs to another one. `errc::invalid_argument` lists what is wrong with the document, with its path; nothing
  /// was stored then.
  result<run_ref> import_run(const json& document);

  /// Deletes an imported run. `not_found`; `errc::conflict` of the kind "not_imported" for others.
  result<void> remove_imported_run(const run_id& id);

  /// How many write transactions this mesh has made for runs and jobs: beside the number of runs it shows how well
  /// their commits are gathered.
  [[nodiscard]] std::uint64_t write_transactions() const;

  /// Starts working on runs, on threads of its own. Starting twice is an error.
  result<void> start(work_options options = {});

  /// Stops working: fetches nothing more, lets running steps end within the grace period, and gives back what is left.
  /// Returns when everything has stopped. Stopping twice, or without a start, does nothing.
  void stop();

  /// `start`, then waits until `stop` is called from elsewhere.
  result<void> work(work_options options = {});

 private:
  struct impl;
  explicit mesh(std::unique_ptr<impl> state);
  void provide(std::type_index type, void* object);

  std::unique_ptr<impl> impl_;
};

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
