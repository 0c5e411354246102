// What workers on the lanes of a step over a list do: element by element, until nothing is left for the lane.
#include "progress/decide.h"
#include "progress/decider.h"
#include "progress/policy.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

class lane_decider : public worker_decider {
 public:
  using worker_decider::worker_decider;

  decision operator()(const event::delivered& what) {
    if (!is_open(what.branch)) return let_go(what.branch);
    if (what.attempt > 1) take_over(what.branch, "unknown", what.since);
    // A fact, so that whoever changes the run at this moment knows: it may be waking this very job.
    const bool has_nothing = made_.facts.empty() && is_open(what.branch) && !list_of(what.branch).is_closing() &&
                             !list_of(what.branch).due(lane(what.branch), when_.now);
    if (has_nothing) record(fact_kind::woken_early, step(what.branch), "");
    go_on(what.branch);
    return finish(true);
  }

  decision operator()(const event::succeeded& what) {
    if (is_unwanted(what.of)) return discard(what.of, "output", what.output);
    if (!expects(what.of)) return stale();
    std::string data;
    try {
      data = json{{"index", *what.of.element}, {"output", what.output}}.dump();
    } catch (const json::exception& e) {
      return (*this)(
          event::failed{.of = what.of,
                        .reason = {.code = errc::invalid_argument,
                                   .message = "the output of an element of step " + declared(what.of.step).name +
                                              " can't be stored: " + e.what()}});
    }
    return end_attempt(what.of, fact_kind::element_completed, std::move(data));
  }

  decision operator()(const event::failed& what) {
    if (is_unwanted(what.of)) return discard(what.of, "error", to_json(what.reason));
    if (!expects(what.of)) return stale();
    const element_list& list = *progress_of(what.of.step).elements;
    const auto delay = list.is_closing() ? std::nullopt
                                         : delay_after_failure(declared(what.of.step).retry, what.reason,
                                                               list.at(*what.of.element).counted + 1, when_.chance);
    return end_attempt(what.of, fact_kind::step_failed, failure(*what.of.element, what.reason, delay));
  }

  decision operator()(const event::interrupted& what) {
    if (is_unwanted(what.of)) return discard(what.of, "", {});
    if (!expects(what.of)) return stale();
    const std::size_t branch = branch_of(what.of);
    record_end(what.of, fact_kind::attempt_interrupted, json{{"index", *what.of.element}}.dump());
    is_open(branch) ? void(made_.job.is = job_change::kind::give_back) : end_lane(branch, what.of.step);
    return finish(true);
  }

  decision operator()(const event::no_handler& what) {
    if (!expects(what.of)) return stale();
    const std::size_t branch = branch_of(what.of);
    if (list_of(branch).is_closing()) {
      go_on(branch);
      return finish(true);
    }
    if (!progress_of(what.of.step).parked) record(fact_kind::step_parked, what.of.step, "");
    made_.job = {.is = job_change::kind::snooze, .at = when_.now + parking_time};
    return finish(true);
  }

  decision operator()(const event::worker_died& what) {
    if (!is_open(what.branch)) return let_go(what.branch);
    take_over(what.branch, what.node, what.since);
    if (!is_open(what.branch)) {
      end_lane(what.branch, step(what.branch));
    } else {
      made_.job.is = job_change::kind::give_back;
    }
    return finish(true);
  }

  /// Other events are of steps.
  template <class Event>
  decision operator()(const Event& /*what*/) {
    return stale();
  }

 private:
  [[nodiscard]] std::size_t step(std::size_t branch) const { return lane_at(*state_.definition, branch)->step; }
  [[nodiscard]] std::size_t lane(std::size_t branch) const { return lane_at(*state_.definition, branch)->lane; }
  [[nodiscard]] const element_list& list_of(std::size_t branch) const { return *progress_of(step(branch)).elements; }
  [[nodiscard]] bool is_open(std::size_t branch) const { return !state_.ended && state_.at(branch).has_value(); }
  [[nodiscard]] std::size_t branch_of(const event::attempt& of) const {
    return branch_of_lane(*state_.definition,
                          {.step = of.step, .lane = progress_of(of.step).elements->lane_of(*of.element)});
  }

  /// Whether the journal knows nothing of the attempt yet.
  [[nodiscard]] bool is_news(const event::attempt& of) const {
    if (of.step >= state_.steps.size() || !progress_of(of.step).elements) return false;
    const element_list& list = *progress_of(of.step).elements;
    return *of.element < list.size() && of.number == list.at(*of.element).attempts + 1;
  }

  [[nodiscard]] bool expects(const event::attempt& of) const {
    if (!is_news(of) || !is_open(branch_of(of))) return false;
    const step_status status = progress_of(of.step).elements->at(*of.element).status;
    return status == step_status::pending || status == step_status::retrying;
  }

  /// Whether it is the result of an attempt that doesn't count any more.
  [[nodiscard]] bool is_unwanted(const event::attempt& of) const {
    return is_news(of) && state_.ending && (state_.discards_results || !is_open(branch_of(of)));
  }

  decision discard(const event::attempt& of, std::string_view key, const json& what) {
    json data = {{"index", *of.element}};
    if (!key.empty()) data[std::string(key)] = what;
    const std::size_t branch = branch_of(of);
    record_end(of, fact_kind::attempt_discarded, text_of(data));
    end_lane(branch, of.step);
    return finish(true);
  }

  void record_end(const event::attempt& of, fact_kind kind, std::string data, std::string_view node = {}) {
    record(kind, of.step, std::move(data), of.started_at, node);
    if (made_.refusal) return;
    made_.facts.back().of.number = of.number;
    made_.facts.back().of.element = of.element;
  }

  [[nodiscard]] std::string failure(std::size_t element, const error& reason, std::optional<microseconds> delay) const {
    json data = {{"index", element}, {"error", to_json(reason)}};
    if (delay) data["retry_at"] = to_number(when_.now + *delay);
    return text_of(data);
  }

  decision end_attempt(const event::attempt& of, fact_kind kind, std::string data) {
    const std::size_t branch = branch_of(of);
    record_end(of, kind, std::move(data));
    is_open(branch) ? go_on(branch) : end_lane(branch, of.step);
    return finish(true);
  }

  /// What the holder of a lane's job does next.
  void go_on(std::size_t branch) {
    const std::size_t of = step(branch);
    if (!is_open(branch)) return end_lane(branch, of);
    const element_list& list = list_of(branch);
    if (list.is_closing()) {
      record(fact_kind::lane_ended, of, json{{"lane", lane(branch)}}.dump());
      return end_lane(branch, of);
    }
    if (const auto element = list.due(lane(branch), when_.now)) return run(branch, {.step = of, .element = element});
    made_.job = {.is = job_change::kind::snooze, .at = list.next_retry(lane(branch)).value_or(when_.now)};
  }

  /// The lane has ended. If it was the last one, the run goes on where the step was, with a job of its own.
  void end_lane(std::size_t branch, std::size_t of) {
    end_branch(branch);
    if (state_.ended) return;
    const std::size_t main = progress_of(of).branch;
    const auto next = state_.at(main);
    const bool is_still_open = next == of && progress_of(of).opened;
    if (next && !is_still_open) made_.opened.push_back(main);
  }

  /// As of branches: always appends.
  void take_over(std::size_t branch, const std::string& node, time_point since) {
    const std::size_t of = step(branch);
    const element_list& list = list_of(branch);
    const auto element = list.due(lane(branch), when_.now);
    if (!element) return record(fact_kind::worker_lost, of, "", std::nullopt, node);
    const bool again = !list.is_closing() && runs_again_after_loss(declared(of).retry, list.at(*element).counted + 1);
    const event::attempt lost{.step = of,
                              .number = list.at(*element).attempts + 1,
                              .started_at = std::max(since, list.due_since(*element)),
                              .element = element};
    record_end(lost, fact_kind::attempt_lost,
               failure(*element, lost_attempt(), again ? std::optional(microseconds(0)) : std::nullopt), node);
  }
};

}  // namespace

decision decide_on_lane(run_state& state, const worker_event& what, const moment& when) {
  return std::visit(lane_decider(state, when), what);
}

}  // namespace squid_mesh::inline v1
