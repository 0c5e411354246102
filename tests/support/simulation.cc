#include "support/simulation.h"

#include "model/run_job.h"
#include "runtime/children.h"
#include "runtime/children_worker.h"
#include "runtime/commands.h"
#include "runtime/deadline_worker.h"
#include "runtime/start.h"
#include "runtime/tick_worker.h"
#include "storage/sqlite/sqlite_store.h"
#include "support/forwarding_store.h"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <utility>

namespace squid_mesh::testing {
namespace {

constexpr microseconds lease = std::chrono::seconds(10);
constexpr const char* queue_name = "squid_mesh";
constexpr std::size_t max_payload_bytes = 1U << 20U;

std::string new_database_name() {
  static std::atomic<int> count{0};
  return "file:/simulation-" + std::to_string(++count) + "?vfs=memdb";
}

template <class T>
T must(result<T> outcome) {
  if (!outcome) throw std::runtime_error(to_string(outcome.error()));
  if constexpr (!std::is_void_v<T>) return *std::move(outcome);
}

}  // namespace

/// Loses answers and refuses writes, as the simulation's dice say.
class faulty_store final : public forwarding_store {
 public:
  faulty_store(std::unique_ptr<storage::store> real, simulation& world)
      : forwarding_store(std::move(real)), world_(world) {}

  result<storage::batch_outcome> write(const storage::batch& what) override {
    for (const commit* next : what.commits) {
      for (const fact& f : next->facts) {
        if (f.kind == fact_kind::step_completed && f.data.find("unstorable") != std::string::npos)
          return refuse("unstorable", errc::invalid_argument);
      }
    }
    if (world_.chance(world_.faults_.refusals)) return refuse("refusal", errc::unavailable);
    if (world_.chance(world_.faults_.lost_before)) return refuse("lost_before", errc::in_doubt);
    auto outcome = forwarding_store::write(what);
    if (world_.chance(world_.faults_.lost_after)) return refuse("lost_after", errc::in_doubt);
    return outcome;
  }

 private:
  std::unexpected<error> refuse(const char* mark, errc code) {
    ++world_.marks[mark];
    return std::unexpected(error{.code = code, .message = mark, .retryable = true});
  }

  simulation& world_;
};

/// One process of workers. Destroying it is its sudden death: nothing is said to anybody.
class simulation::process {
 public:
  process(simulation& world, const std::string& name, std::size_t slots)
      : concurrency(slots),
        store_(world.open_store(true)),
        node_(*store_, {.clock = &world.clock_,
                        .random = &world.random_,
                        .tasks = &tasks_,
                        .log = [](level, std::string_view) {}}),
        known_(*store_),
        family_(known_, node_, queue_name, max_payload_bytes),
        commands_(known_, node_) {
    node_.add_worker(run_worker_name, std::make_shared<run_worker>(known_, family_, node_));
    node_.add_worker(children_worker_name, std::make_shared<children_worker>(commands_, node_));
    node_.add_worker(deadline_worker_name, std::make_shared<deadline_worker>(commands_, node_));
    node_.add_worker(tick_worker_name,
                     std::make_shared<tick_worker>(known_, commands_, node_, queue_name, max_payload_bytes));
    node_.add_duty("mend", std::chrono::seconds(15), [this](time_point now) -> result<void> {
      auto mended = store_->mend_runs(queue_name, now, 100);
      if (!mended) return std::unexpected(mended.error());
      return {};
    });
    node_.set_waker([this] { next_turn_ = time_point::min(); });
    for (const cast_member& member : world.cast_) {
      must(known_.add(member.workflow, member.handlers, world.now()));
      for (const schedule_record& each : must(schedules_of(member.workflow, world.now()))) {
        must(store_->put_schedule(each, queue_name, world.now()));
      }
    }
    must(node_.begin_work({.identity = {.name = name, .id = name}, .queues = {{queue_name, slots}}, .lease = lease}));
    node_.set_driven(true);
  }
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  ~process() {
    tasks_.queued.clear();
    node_.abandon();
  }

  [[nodiscard]] time_point due() const {
    return std::max(paused_until, tasks_.queued.empty() ? next_turn_ : time_point::min());
  }
  void pause(time_point until) { paused_until = until; }

  /// One thing that this process could do now: a task that is queued, or a turn.
  void act(std::mt19937_64& dice, time_point now) {
    const bool turn_due = next_turn_ <= now;
    const std::size_t choices = tasks_.queued.size() + (turn_due ? 1 : 0);
    const std::size_t choice = std::uniform_int_distribution<std::size_t>(0, choices - 1)(dice);
    if (choice == tasks_.queued.size()) {
      next_turn_ = time_point::max();
      next_turn_ = std::min(next_turn_, node_.turn());
      return;
    }
    task next = std::move(tasks_.queued[choice]);
    tasks_.queued.erase(tasks_.queued.begin() + static_cast<std::ptrdiff_t>(choice));
    next();
  }

  const std::size_t concurrency;
  time_point paused_until = time_point::min();

 private:
  class queue final : public executor {
   public:
    void post(std::vector<task> tasks) override {
      for (task& next : tasks) queued.push_back(std::move(next));
    }
    std::vector<task> queued;
  };

  std::unique_ptr<storage::store> store_;
  queue tasks_;
  time_point next_turn_ = time_point::min();
  jobs::node node_;
  workflows known_;
  children family_;
  commander commands_;
};

simulation::simulation(std::uint64_t seed, faults faults)
    : dice_(seed), random_(seed), faults_(faults), database_(new_database_name()), store_(open_store(false)) {}

simulation::~simulation() = default;

std::unique_ptr<storage::store> simulation::open_store(bool faulty) {
  auto store = must(storage::sqlite::open_store(database_));
  if (!faulty) return store;
  return std::make_unique<faulty_store>(std::move(store), *this);
}

void simulation::add_workflow(const definition& workflow, const std::map<std::string, handler>& handlers) {
  cast_.push_back({workflow, handlers});
}

void simulation::add_node(std::size_t concurrency) { start_process(concurrency); }

void simulation::start_process(std::size_t concurrency) {
  processes_.push_back(std::make_unique<process>(*this, "node-" + std::to_string(++named_), concurrency));
}

run_id simulation::start(std::string_view workflow, const json& payload) {
  const auto member = std::ranges::find(cast_, workflow, [](const cast_member& m) { return m.workflow.name(); });
  const commit begin = must(plan_start({.workflow = &member->workflow,
                                        .trigger = {},
                                        .payload = &payload,
                                        .queue = queue_name,
                                        .max_payload_bytes = max_payload_bytes},
                                       now(), random_));
  must(store_->write({.now = now(), .commits = {&begin}, .stage = {}, .claims = {}, .attempted_by = {}}));
  started_.push_back(begin.run);
  return begin.run;
}

bool simulation::all_ended() {
  return std::ranges::all_of(started_,
                             [this](const run_id& run) { return is_terminal(must(store_->read_status(run))); });
}

bool simulation::run_until(const std::function<bool()>& done, microseconds limit) {
  const time_point end = now() + limit;
  for (int steps = 0; now() < end; ++steps) {
    // Asking costs queries: not after every step.
    if (steps % 16 == 0 && done()) return true;
    step();
  }
  return done();
}

std::optional<error> simulation::give(const run_id& run, const command_event& what) {
  for (;;) {
    const journal history = must(store_->read_run(run));
    const auto member =
        std::ranges::find(cast_, history.run.workflow, [](const cast_member& m) { return m.workflow.name(); });
    run_state state = must(fold(std::make_shared<const definition>(member->workflow), history));
    command_event asked = what;
    if (auto* cancel = std::get_if<event::cancelled>(&asked)) {
      for (const job_row& job : must(store_->jobs_of_run(run))) {
        const auto branch = driven_by(job);
        const auto index = branch ? branch_of(member->workflow, *branch) : std::nullopt;
        if (index && job.state != jobs::state::executing) cancel->idle.push_back(*index);
      }
    }
    const decision made = decide(state, asked, {.now = now(), .node = "people"});
    if (made.refusal || made.facts.empty()) return made.refusal;
    commit change;
    add_to(change, state, made, std::nullopt);
    const auto written =
        must(store_->write({.now = now(), .commits = {&change}, .stage = {}, .claims = {}, .attempted_by = {}}));
    if (written.commits.at(0).applied) return std::nullopt;
  }
}

/// What other programs may do to rows of the job table at any time.
void simulation::meddle() {
  const run_id run = started_[std::uniform_int_distribution<std::size_t>(0, started_.size() - 1)(dice_)];
  const auto jobs = must(store_->jobs_of_run(run));
  if (jobs.empty()) return;
  const job_id job = jobs[std::uniform_int_distribution<std::size_t>(0, jobs.size() - 1)(dice_)].id;
  const bool cancel = chance(500);
  if (must(cancel ? store_->cancel_job(job, now()) : store_->retry_job(job, now()))) ++marks["meddling"];
}

void simulation::step() {
  while (!births_.empty() && births_.front().first <= now()) {
    start_process(births_.front().second);
    births_.erase(births_.begin());
  }
  std::vector<process*> able;
  time_point next = births_.empty() ? now() + std::chrono::seconds(1) : births_.front().first;
  for (const auto& candidate : processes_) {
    if (candidate->due() <= now()) able.push_back(candidate.get());
    next = std::min(next, std::max(candidate->due(), now()));
  }
  if (able.empty()) {
    clock_.set(std::max(next, now() + microseconds(1)));
    return;
  }
  process* chosen = able[std::uniform_int_distribution<std::size_t>(0, able.size() - 1)(dice_)];
  if (chance(faults_.kills)) {
    ++marks["kill"];
    births_.emplace_back(now() + std::chrono::seconds(2), chosen->concurrency);
    std::erase_if(processes_, [&](const auto& p) { return p.get() == chosen; });
    return;
  }
  if (chance(faults_.pauses)) {
    ++marks["pause"];
    chosen->pause(now() + std::uniform_int_distribution(0, 3)(dice_) * lease);
    return;
  }
  if (chance(faults_.meddling)) meddle();
  if (chance(faults_.people)) people(dice_);
  // Time passes while things are done, a little differently each time.
  clock_.set(now() + microseconds(std::uniform_int_distribution(1, 200)(dice_)));
  chosen->act(dice_, now());
}

}  // namespace squid_mesh::testing
