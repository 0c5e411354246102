// The elements of a list over which a step runs, and the lanes that work on them.
#pragma once

#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/run.hpp>
#include <squid_mesh/time.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {

/// How far one element has come.
struct element_progress {
  step_status status = step_status::pending;  ///< or retrying, completed, failed
  int attempts = 0;                           ///< that have ended, of every kind
  int counted = 0;                            ///< those that count against the retry policy
  time_point due_since{};                     ///< since when a lane may have been at it, once it was tried
  std::optional<time_point> until;            ///< of retrying ones
  json output;                                ///< of completed ones
  json error;                                 ///< of failed ones
};

/// A lane is a branch of the run that works on one element at a time: on every n-th, where there are n lanes. So no two
/// lanes need to agree on who takes which, wherever they run. First come the elements that were not tried yet, in their
/// order, then those whose retry is due: whoever looks knows what a lane may be at.
class element_list {
 public:
  /// `shared`: what every element's input has beside the element.
  element_list(json items, json shared, std::size_t lanes, time_point now);

  /// All that a list is; the rest of it follows.
  struct parts {
    json items;
    json shared;
    time_point begun_at{};
    std::vector<element_progress> elements{};
    std::vector<std::uint8_t> open_lanes{};  ///< for each lane: whether it is open
    bool is_closing = false;
    std::optional<json> failure{};
  };
  explicit element_list(parts all);
  [[nodiscard]] parts take_apart() const;

  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] std::size_t lane_count() const { return lanes_.size(); }
  [[nodiscard]] std::size_t lane_of(std::size_t element) const { return element % lanes_.size(); }
  [[nodiscard]] const element_progress& at(std::size_t element) const { return all_[element]; }
  [[nodiscard]] std::size_t completed() const { return completed_; }
  [[nodiscard]] std::size_t failed() const { return failed_; }
  [[nodiscard]] std::size_t retrying() const;

  /// What the action reads.
  [[nodiscard]] json input_of(std::size_t element) const;
  /// The element that a lane is at or takes next; nullopt where none is due.
  [[nodiscard]] std::optional<std::size_t> due(std::size_t lane, time_point now) const;
  /// When a lane's next retry is due, if all its other elements are done.
  [[nodiscard]] std::optional<time_point> next_retry(std::size_t lane) const;
  /// Since when a lane may have been at an element.
  [[nodiscard]] time_point due_since(std::size_t element) const;

  [[nodiscard]] bool is_open(std::size_t lane) const { return lanes_[lane].is_open; }
  [[nodiscard]] std::size_t open_lanes() const { return open_lanes_; }
  /// No element begins any more.
  [[nodiscard]] bool is_closing() const { return closing_; }
  /// Why; none: because the run is ending.
  [[nodiscard]] const std::optional<json>& failure() const { return failure_; }

  // -- What happens to elements

  void complete(std::size_t element, json output, time_point now);
  /// `again`: when it is tried again; nullopt: never.
  void fail(std::size_t element, json reason, std::optional<time_point> again, time_point now);
  void interrupt(std::size_t element, time_point now);
  void discard(std::size_t element);

  void close(std::optional<json> failure) {
    closing_ = true;
    failure_ = std::move(failure);
  }
  void end_lane(std::size_t lane);
  /// The step is tried again: what is done stays done.
  void reopen(time_point now);

  /// The results and, if asked for, the failures: the step's output.
  [[nodiscard]] json results(bool with_failures) const;

 private:
  struct lane_progress {
    bool is_open = true;
    std::size_t next = 0;                                   ///< the first of its elements that was not tried yet
    std::set<std::pair<time_point, std::size_t>> retrying;  ///< by when they are due
  };

  /// The attempt has ended: it is not among those to be tried.
  element_progress& leave(std::size_t element, time_point now);
  void skip_done(lane_progress& of) const;
  /// Ends the lane if nothing is left for it.
  void end_if_done(std::size_t number);

  json items_;
  json shared_;
  time_point begun_at_;
  std::vector<element_progress> all_;
  std::vector<lane_progress> lanes_;
  std::size_t open_lanes_ = 0;
  std::size_t completed_ = 0;
  std::size_t failed_ = 0;
  bool closing_ = false;
  std::optional<json> failure_;
};

/// What a lane is called: the step's name, a number sign, and its number.
std::string lane_name(const definition::step& step, std::size_t lane);

struct lane_place {
  std::size_t step = 0;
  std::size_t lane = 0;
};
/// The lane that is a branch, if it is one. The branches of lanes come after those of steps.
std::optional<lane_place> lane_at(const definition& workflow, std::size_t branch);
/// The lane of the name.
std::optional<lane_place> find_lane(const definition& workflow, std::string_view name);
std::size_t branch_of_lane(const definition& workflow, lane_place lane);

}  // namespace squid_mesh::inline v1
