// Random workflows, driven by random events: results, doubled and late results, deaths at any time.
#include "model/run_lifecycle.h"
#include "progress/driven_run.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;
using change = job_change::kind;

int any(int from, int before) { return *rc::gen::inRange(from, before); }
bool one_in(int n) { return any(0, n) == 0; }

json random_step(int index) {
  json step = {{"name", "s" + std::to_string(index)}};
  switch (any(0, 5)) {
    case 0:
      step["kind"] = "wait";
      step["wait"] = {{"duration_ms", any(1, 5000)}};
      return step;
    case 1:
      step["kind"] = "log";
      step["log"] = {{"message", "here"}};
      return step;
    default:
      break;
  }
  if (one_in(2)) step["output"] = step["name"];
  if (one_in(3)) return step;
  const int min = one_in(3) ? 0 : any(1, 2000);
  step["retry"] = {{"max_attempts", any(1, 5)},
                   {"backoff", {{"min_ms", min}, {"max_ms", min * 4}, {"factor", 2}, {"jitter", 0.5}}}};
  return step;
}

/// Steps whose transitions all lead forward: every ok route to a random later step or the end, some error routes.
std::shared_ptr<const definition> random_definition() {
  const int count = any(1, 7);
  const auto name_of = [&](int i) { return i == count ? std::string("complete") : "s" + std::to_string(i); };
  json steps = json::array();
  json transitions = json::array();
  std::set<int> reached{0};
  for (int i = 0; i < count; ++i) {
    if (!reached.contains(i)) continue;
    json step = random_step(i);
    const auto lead = [&](const char* outcome) {
      const int to = any(i + 1, std::min(i + 3, count + 1));
      reached.insert(to);
      transitions.push_back({{"from", name_of(i)}, {"on", outcome}, {"to", name_of(to)}});
    };
    lead("ok");
    if (step.value("kind", "action") == "action" && one_in(2)) lead("error");
    steps.push_back(std::move(step));
  }
  return read_definition(
      {{"name", "random"}, {"triggers", {{{"name", "m"}}}}, {"steps", steps}, {"transitions", transitions}});
}

bool same(const fact& a, const fact& b) {
  return a.seq == b.seq && a.kind == b.kind && a.step == b.step && a.at == b.at && a.started_at == b.started_at &&
         a.node == b.node && a.data == b.data;
}

bool same(const decision& a, const decision& b) {
  return std::ranges::equal(a.facts, b.facts, [](const fact& x, const fact& y) { return same(x, y); }) &&
         a.status == b.status && a.job == b.job && a.run_next == b.run_next && a.stale == b.stale;
}

bool same(const step_progress& a, const step_progress& b) {
  return a.status == b.status && a.attempts == b.attempts && a.counted == b.counted && a.parked == b.parked &&
         a.until == b.until;
}

bool same(const run_state& a, const run_state& b) {
  return a.status == b.status && a.last_seq == b.last_seq && a.last_at == b.last_at && a.context == b.context &&
         a.current == b.current && a.error == b.error && a.stored_status == b.stored_status &&
         std::ranges::equal(a.steps, b.steps, [](const auto& x, const auto& y) { return same(x, y); });
}

/// An attempt with the delivery under which its worker holds the job.
struct running_attempt {
  event::attempt attempt;
  int delivery = 0;
};

/// The run, its job's row and its workers.
class world {
 public:
  world() : run_(random_definition()) {}

  void one_event() {
    run_.chance = any(0, 100) / 100.0;
    run_.draining = one_in(10);
    switch (any(0, 8)) {
      case 0:
        pass_time(milliseconds(any(0, 8000)));
        break;
      case 1:
        replay_something();
        break;
      case 2:
        if (one_in(3)) lose_the_worker();
        break;
      case 3:
        if (one_in(3)) rescue_by_others();
        break;
      default:
        executing_ && !going_.empty() ? end_attempt(going_.back()) : fetch();
        break;
    }
  }

  /// Without further trouble, every run ends.
  void come_to_an_end() {
    run_.draining = false;
    for (int i = 0; i < 100 && !is_terminal(run_.state.status); ++i) {
      if (executing_) {
        const running_attempt last = going_.back();
        write(event::succeeded{last.attempt, json::object()}, last.delivery);
      } else {
        run_.now = std::max(run_.now, due_);
        fetch();
      }
    }
    RC_ASSERT(is_terminal(run_.state.status));
    RC_ASSERT(is_terminal(run_.history.run.status));
  }

 private:
  void pass_time(milliseconds time) { run_.now += time; }

  void fetch() {
    if (executing_ || finished_) return;
    if (run_.now < due_) return pass_time(one_in(2) ? 100ms : std::chrono::ceil<milliseconds>(due_ - run_.now));
    executing_ = true;
    ++delivery_;
    ++job_attempt_;
    write(event::delivered{.attempt = job_attempt_, .since = run_.now}, delivery_);
  }

  static run_event random_result(const event::attempt& of) {
    switch (any(0, 8)) {
      case 0:
        return event::failed{of, permanent("no")};
      case 1:
      case 2:
        return event::failed{of, retryable("flaked", one_in(3) ? std::optional(500ms) : std::nullopt)};
      case 3:
        return event::interrupted{of};
      case 4:
        return event::no_handler{of};
      case 5:
        return event::succeeded{of, 1};
      default:
        return event::succeeded{of, {{"n", of.number}}};
    }
  }

  void end_attempt(const running_attempt& which) { write(random_result(which.attempt), which.delivery); }

  /// A result that was reported already, of a worker that woke up too late, or of an attempt that never was.
  void replay_something() {
    if (!going_.empty() && one_in(2)) return end_attempt(going_[static_cast<std::size_t>(any(0, int(going_.size())))]);
    end_attempt({.attempt = {.step = static_cast<std::size_t>(any(0, 8)), .number = any(0, 5)}, .delivery = -1});
  }

  void lose_the_worker() {
    if (executing_) write(event::worker_died{.node = "dead", .since = run_.now}, delivery_);
  }

  /// Another program makes the job available, and tells nobody.
  void rescue_by_others() {
    if (!executing_) return;
    executing_ = false;
    due_ = run_.now;
  }

  /// Decides and writes, as a worker who holds the given delivery, or only believes that it does.
  void write(const run_event& what, int delivery) {
    const bool held = executing_ && delivery == delivery_;
    const run_status before = run_.state.status;
    const run_status stored = run_.history.run.status;
    // An attempt that was made up may hit the present one: then it is no late result.
    if (delivery == -1 && !run_.consider(what).stale) return;
    RC_ASSERT(same(run_.consider(what), run_.consider(what)));
    const decision made = run_.on(what);

    if (is_terminal(before)) RC_ASSERT(made.facts.empty() && !made.status && !made.run_next);
    if (made.stale) RC_ASSERT(made.facts.empty() && !made.status && !made.run_next && made.job == job_change{});
    if (made.status) RC_ASSERT(may_follow(stored, made.status->status));
    RC_ASSERT(made.stale || made.run_next.has_value() == !ends_delivery(made.job.is));
    check_journal();
    if (made.stale || !held) return;
    change_job(made.job);
    if (made.run_next) {
      RC_ASSERT(run_.state.current == made.run_next);
      going_.push_back({.attempt = run_.attempt(), .delivery = delivery_});
    } else {
      RC_ASSERT(run_.history.run.status == run_.state.status);
    }
    RC_ASSERT(finished_ == is_terminal(run_.state.status));
  }

  void change_job(const job_change& next) {
    if (!ends_delivery(next.is)) return;
    RC_ASSERT(next.is == change::finish || next.is == change::snooze || next.is == change::give_back);
    executing_ = false;
    job_attempt_ = 0;
    finished_ = next.is == change::finish;
    due_ = next.is == change::snooze ? next.at : run_.now;
  }

  void check_journal() const {
    const auto folded = fold(run_.state.definition, run_.history);
    RC_ASSERT(folded.has_value());
    RC_ASSERT(same(*folded, run_.state));
    std::map<std::string, std::map<fact_kind, int>> seen;
    for (const fact& next : run_.history.facts) ++seen[next.step][next.kind];
    for (std::size_t i = 0; i < run_.state.steps.size(); ++i) check_step(i, seen);
  }

  void check_step(std::size_t i, std::map<std::string, std::map<fact_kind, int>>& all) const {
    const definition::step& step = run_.state.definition->steps()[i];
    const step_progress& progress = run_.state.steps[i];
    auto& seen = all[step.name];
    const int completed = seen[fact_kind::step_completed];
    const int counted = seen[fact_kind::step_failed] + seen[fact_kind::attempt_lost];
    RC_ASSERT(completed <= 1);
    RC_ASSERT((completed == 1) == (progress.status == step_status::completed));
    RC_ASSERT(progress.counted == counted);
    if (step.kind == step_kind::wait) {
      RC_ASSERT(progress.attempts == 0 && seen[fact_kind::wait_started] <= 1);
      return;
    }
    RC_ASSERT(progress.attempts == counted + completed + seen[fact_kind::attempt_interrupted]);
    const int limit =
        step.retry.max_attempts == retry_policy::unset ? retry_policy::unset_lost_limit : step.retry.max_attempts;
    RC_ASSERT(counted <= limit);
  }

  driven_run run_;
  bool executing_ = false;
  bool finished_ = false;
  int job_attempt_ = 0;
  int delivery_ = 0;
  time_point due_ = start_of_time;
  std::vector<running_attempt> going_;  ///< attempts that began: the last one is the present one, if the job executes
};

TEST(progress_properties, the_invariants_hold_whatever_happens) {
  EXPECT_TRUE(rc::check("invariants", [] {
    world w;
    const int events = any(1, 60);
    for (int i = 0; i < events; ++i) w.one_event();
    w.come_to_an_end();
  }));
}

TEST(run_lifecycle, the_allowed_changes_of_status) {
  using enum run_status;
  const std::set<std::pair<run_status, run_status>> refused_among_living{
      {cancelling, running}, {cancelling, retrying}, {cancelling, paused}};
  const auto all = {pending, running, retrying, paused, failed, completed, cancelling, cancelled};
  for (const run_status from : all) {
    for (const run_status to : all) {
      const bool expected =
          from != to && to != pending && !is_terminal(from) && !refused_among_living.contains({from, to});
      EXPECT_EQ(may_follow(from, to), expected) << to_string(from) << " -> " << to_string(to);
    }
  }
}

}  // namespace
}  // namespace squid_mesh::testing
