// One run on this node: its state, and the one place in this process that moves it on.
#pragma once

#include "base/redact.h"
#include "jobs/node.h"
#include "jobs/worker.h"
#include "progress/decide.h"
#include "runtime/workflows.h"
#include "storage/store.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/telemetry.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace squid_mesh::inline v1 {

/// Who has a branch's job: told what to do once that is durable.
class performer {
 public:
  performer() = default;
  performer(const performer&) = delete;
  performer& operator=(const performer&) = delete;
  virtual ~performer() = default;

  [[nodiscard]] virtual const jobs::slot& place() const = 0;
  /// The queue of the job.
  [[nodiscard]] virtual const std::string& queue() const = 0;
  [[nodiscard]] virtual std::size_t branch() const = 0;
  /// Runs a step, or one element of it. On a thread of the executor, and of nobody else's.
  virtual void perform(next_attempt what) = 0;
};

/// Events of all branches that this node works on are decided here, one after the other, while at most one commit is on
/// its way: what came meanwhile is the next one. So many branches of one run don't refuse each other's commits, and
/// share them. Another process that changes the run is noticed when a commit is refused: then the journal is read, and
/// the events are decided again.
///
/// The state is moved on before the commit is durable, but nothing begins before.
class conductor : public std::enable_shared_from_this<conductor> {
 public:
  conductor(workflows& known, jobs::node& node, run_state state, redactor secrets);

  /// Something happened on a branch. Safe to call from several threads.
  void on(std::shared_ptr<performer> who, worker_event what);

  /// Says how far the journal has got at least; the next event is decided on a state that knows so much.
  void expect(std::int64_t seq);

  /// Whether the run has been found to be moved to another definition: then it needs another conductor.
  [[nodiscard]] bool has_moved() const;

  /// Commits a success in the step's own transaction, and moves on. Whatever can't be written there is written as
  /// usual, after that transaction has been rolled back.
  void end_within(std::shared_ptr<performer> who, std::unique_ptr<storage::unit_of_work> work, event::succeeded what);

  /// The attempt that a step would begin at this moment, and what it reads.
  struct attempt_plan {
    event::attempt of;
    int visit = 1;
    result<json> input;
    std::optional<run_id> awaited;  ///< the run for whose end the step waits
  };
  [[nodiscard]] attempt_plan plan_attempt(next_attempt what, time_point now) const;

  /// How a run that the step starts is linked to this one. `waits`: whether the step's branch is to go on at its end.
  [[nodiscard]] parent_link link_from(const attempt_plan& plan, std::string key, bool waits) const;

  // Constant while the run is conducted.
  [[nodiscard]] const run_id& run() const { return run_; }
  [[nodiscard]] const squid_mesh::definition& workflow() const { return *definition_; }
  [[nodiscard]] const redactor& secrets() const { return secrets_; }
  [[nodiscard]] const run_label& label() const { return *label_; }
  /// An event about an attempt at one of its steps.
  [[nodiscard]] telemetry_event about(telemetry_kind kind, const attempt_plan& plan) const;
  /// The branch that a job drives; nullopt where the run has none of the name.
  [[nodiscard]] std::optional<std::size_t> branch_of(const driven_branch& driven) const {
    return squid_mesh::branch_of(*definition_, driven);
  }

 private:
  struct happening {
    std::shared_ptr<performer> who;
    worker_event what;
    decision made{};
    std::optional<std::size_t> commit{};  ///< in which of the submission's commits it is written
  };

  /// What waits to be decided and what is being written. Whoever sees to it owns it, a commit's callback too: what is
  /// dropped when a process stops then takes along all that waited for it.
  struct desk {
    std::vector<happening> waiting;
    std::vector<happening> written;  ///< of the commit that is on its way
    bool one_by_one = false;         ///< the database refused what several events wanted together
  };
  using desk_ref = std::shared_ptr<desk>;

  void pump(const desk_ref& open);
  void post_pump(desk_ref open);
  bool bring_up_to_date(const desk_ref& open);
  std::vector<commit> plan(desk& open);
  void decide_on(happening& each);
  void submit(std::vector<commit> commits, desk_ref open);
  void on_written(result<std::vector<commit_outcome>> outcome, const desk_ref& open);
  std::vector<happening> settle(const std::vector<commit_outcome>& outcomes, desk& open);
  void refused(const error& reason, desk& open);
  /// Whether something waits; otherwise the desk is closed.
  bool goes_on(const desk& open);
  void put_back(desk& open, const job_change& change);
  void put_back(const jobs::slot& place, const job_change& change);
  [[nodiscard]] result<run_state> durable_state() const;
  [[nodiscard]] result<run_state> read_state() const;
  [[nodiscard]] bool is_ours(const jobs::slot& place) const;
  void go_on(std::vector<happening> done) const;
  [[nodiscard]] moment present(const performer& who) const;
  void log(level severity, const std::string& message) const;

  workflows& known_;
  jobs::node& node_;
  const run_id run_;
  const std::shared_ptr<const squid_mesh::definition> definition_;
  const redactor secrets_;
  const std::shared_ptr<const run_label> label_;

  mutable std::mutex mutex_;
  run_state state_;
  std::int64_t expected_seq_ = 0;  ///< the journal has at least so many facts
  bool outdated_ = false;          ///< the state has to be read anew
  bool moved_ = false;             ///< the run goes on by another definition
  std::weak_ptr<desk> desk_;       ///< while somebody decides, or a commit is on its way
};

}  // namespace squid_mesh::inline v1
