// What decisions of workers and of people share: appending facts, and seeing what follows from them.
#pragma once

#include "progress/decide.h"
#include "progress/snapshot.h"

#include <squid_mesh/error.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace squid_mesh::inline v1 {

inline std::int64_t to_number(time_point at) { return at.time_since_epoch().count(); }

class decider {
 public:
  decider(run_state& state, const moment& when) : state_(state), when_(when) {}

 protected:
  [[nodiscard]] const definition::step& declared(std::size_t step) const { return state_.definition->steps()[step]; }
  [[nodiscard]] step_progress& progress_of(std::size_t step) const { return state_.steps[step]; }

  /// Appends a fact, and moves the state on by it. Without a step it is about the whole run.
  void record(fact_kind kind, std::optional<std::size_t> step, std::string data,
              std::optional<time_point> started_at = {}, std::string_view node = {}) {
    fact next{.seq = state_.last_seq + 1,
              .kind = kind,
              .step = step ? declared(*step).name : std::string(),
              .at = when_.now,
              .started_at = started_at,
              .node = node.empty() ? when_.node : std::string(node),
              .data = std::move(data)};
    if (step) next.of = tag_of(*step);
    if (made_.refusal) return;
    if (auto applied = apply(state_, next); !applied) {
      made_.refusal = std::move(applied).error();
      return;
    }
    made_.opened.insert(made_.opened.end(), state_.opened_branches.begin(), state_.opened_branches.end());
    made_.woken.insert(made_.woken.end(), state_.woken_branches.begin(), state_.woken_branches.end());
    made_.facts.push_back(std::move(next));
  }

  /// The attempt at a step that is made now, or was made last.
  [[nodiscard]] attempt_tag tag_of(std::size_t step) const {
    return {.number = progress_of(step).attempts + 1,
            .visit = progress_of(step).visits,
            .compensates = state_.is_compensation(step)};
  }

  /// Adds the change of the projection, if there is one.
  decision finish(bool holds_job) {
    if (!made_.facts.empty() && is_snapshot_due(state_)) made_.keeps = take_snapshot(state_);
    if (state_.ended && !made_.facts.empty()) {
      const bool has_branches = state_.definition->has_dependencies() || state_.definition->has_lanes();
      made_.retires_jobs = !holds_job || has_branches || state_.has_deadline;
      made_.woken.clear();
      made_.wakes_parent = state_.parent && state_.parent->waiting;
      // What was still running when it was cancelled may have started one since.
      made_.cancels_children = made_.cancels_children || (holds_job && state_.takes_children_along);
    }
    if (made_.facts.empty() && !made_.run_next) return std::move(made_);
    const bool shows_by_job = !state_.definition->has_dependencies();
    if (made_.facts.empty() && !shows_by_job) return std::move(made_);
    const run_status actual = state_.status();
    const bool keeps_job = holds_job && !ends_delivery(made_.job.is);
    const run_status shown = status_to_store(state_.stored_status, actual, shows_by_job && keeps_job);
    if (shown == state_.stored_status) return std::move(made_);
    made_.status = {.status = shown, .ended_at = is_terminal(shown) ? std::optional(when_.now) : std::nullopt};
    made_.was = state_.stored_status;
    state_.stored_status = shown;
    return std::move(made_);
  }

  run_state& state_;
  const moment& when_;
  decision made_;
};

/// What workers' decisions share.
class worker_decider : public decider {
 protected:
  using decider::decider;

  /// The holder of a branch's job runs something next, unless that is for another queue or process.
  void run(std::size_t branch, next_attempt what) {
    const std::string& own = declared(what.step).queue;
    const std::string& queue = own.empty() ? state_.queue : own;
    if (!when_.queue.empty() && !queue.empty() && queue != when_.queue) {
      made_.job.is = job_change::kind::finish;
      made_.opened.push_back(branch);
    } else if (when_.draining) {
      made_.job.is = job_change::kind::give_back;
    } else {
      made_.run_next = what;
    }
  }

  decision stale() {
    made_.stale = true;
    return std::move(made_);
  }

  /// The branch has ended: its job has nothing more to bring.
  decision let_go(std::size_t branch) {
    end_branch(branch);
    return std::move(made_);
  }

  void end_branch(std::size_t branch) {
    made_.job.is = job_change::kind::finish;
    if (!state_.ended) made_.releases = branch;
  }

  static std::string text_of(const json& data) { return data.dump(-1, ' ', false, json::error_handler_t::replace); }

  static error lost_attempt() {
    return {
        .code = errc::interrupted, .message = "the worker died during the attempt", .kind = "lost", .retryable = true};
  }
};

/// How long a run that no process here can go on with waits before one is asked again.
inline constexpr std::chrono::seconds parking_time{15};

/// Decides for workers on the lanes of steps over lists.
decision decide_on_lane(run_state& state, const worker_event& what, const moment& when);

}  // namespace squid_mesh::inline v1
