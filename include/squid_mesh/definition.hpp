// squid_mesh/definition.hpp - a workflow as a value that owns its parts: read from a declaration or from JSON.
#pragma once

#include <squid_mesh/declaration.hpp>
#include <squid_mesh/error.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

namespace detail {
struct draft;
}

/// A checked workflow. Immutable; identified by its name and its fingerprint. Cheap to move, safe to read from any
/// thread.
class definition {
 public:
  struct field {
    std::string name;
    squid_mesh::type type = squid_mesh::type::string;
    std::optional<json> fallback;  ///< a default; nullopt where there is none or it is `today`
    bool is_today = false;
    bool is_secret = false;
    bool is_optional = false;
  };
  struct schedule {
    std::string expression;
    std::string timezone;
    missed_ticks missed = missed_ticks::run_once;
    int missed_limit = 100;
    squid_mesh::overlap overlap = squid_mesh::overlap::allow;
  };
  struct trigger {
    std::string name;
    std::optional<definition::schedule> schedule;  ///< nullopt: manual
    std::string timezone;                          ///< the schedule's, or the manual trigger's own
    std::vector<field> payload;
  };
  struct input_binding {
    std::string name;
    std::string path;
  };
  struct child {
    std::string workflow;
    std::string trigger;
    on_parent_cancel on_cancel = on_parent_cancel::cancel;
  };
  struct for_each {
    std::string list;
    int parallel = 10;
    on_element_failure on_failure = on_element_failure::fail_fast;
    double tolerated = 0;
  };
  struct compensation {
    retry_policy retry;
    milliseconds timeout{0};
    bool transactional = false;
  };
  struct step {
    std::string name;
    step_kind kind = step_kind::action;
    std::vector<input_binding> input;
    std::string output;
    retry_policy retry;
    milliseconds timeout{0};
    bool transactional = false;
    std::vector<std::string> after;
    std::string queue;
    bool irreversible = false;
    bool compensatable = true;
    std::optional<compensation> compensate;
    std::string log_message;
    level log_severity = level::info;
    milliseconds wait_duration{0};
    std::string event;
    milliseconds expires_in{0};
    int quorum = 1;
    expiry on_expiry = expiry::error;
    definition::child child;
    definition::for_each for_each;
  };
  /// As in `squid_mesh::condition`.
  struct condition_term {
    term_kind is = term_kind::all;
    std::string path;
    json value;
    std::size_t operands = 0;
  };
  struct condition {
    std::vector<condition_term> terms;
  };
  struct transition {
    std::string from;
    squid_mesh::on on = squid_mesh::on::ok;
    std::string to;
    condition when;
    int at_most = 0;
    squid_mesh::recovery recovery = squid_mesh::recovery::none;
  };

  /// A transition as the graph has it.
  struct route {
    std::size_t transition = 0;     ///< its index
    std::optional<std::size_t> to;  ///< a step's index; nullopt: the end of the run
  };

  /// From a declaration. Those made by `workflow` always succeed, unless a time zone doesn't exist.
  static result<definition> from(const declaration& declared);

  /// From JSON of the form that `to_json` writes; keys whose value is the default may be left out. Every problem is
  /// reported, with its path, in one `errc::invalid_definition`; the rules are listed in `detail/rule.hpp`.
  static result<definition> from_json(const json& document);

  /// The canonical form: every key present, keys sorted, durations in milliseconds.
  [[nodiscard]] const json& to_json() const { return document_; }
  /// The SHA-256 of the canonical form's text, 64 hexadecimal digits. The version label counts too.
  [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& version() const { return version_; }
  [[nodiscard]] std::span<const trigger> triggers() const { return triggers_; }
  /// The declared steps, and after them the compensations that some of them have.
  [[nodiscard]] std::span<const step> steps() const { return steps_; }
  [[nodiscard]] std::span<const transition> transitions() const { return transitions_; }

  [[nodiscard]] const trigger* find_trigger(std::string_view name) const;
  [[nodiscard]] std::optional<std::size_t> find_step(std::string_view name) const;
  [[nodiscard]] const std::string& queue() const { return queue_; }
  /// The context key under which a step's output goes; empty where its keys are merged into the context.
  [[nodiscard]] std::string_view output_key(std::size_t of) const;

  /// Whether steps begin after others that they name, side by side, rather than along transitions.
  [[nodiscard]] bool has_dependencies() const { return has_dependencies_; }
  /// The steps with which a run begins, in the order declared. In a workflow of dependencies, those that wait for
  /// nothing; in others the first one from which all steps are reached, and to which only transitions with limits lead.
  [[nodiscard]] std::span<const std::size_t> entries() const { return entries_; }
  /// The transitions of a step for an outcome, in the order declared.
  [[nodiscard]] std::span<const route> routes(std::size_t from, on outcome) const;
  /// The steps that wait for this one.
  [[nodiscard]] std::span<const std::size_t> dependents(std::size_t of) const { return links_[of].dependents; }
  /// The steps that this one waits for, directly.
  [[nodiscard]] std::span<const std::size_t> dependencies(std::size_t of) const { return links_[of].dependencies; }

  /// Whether any step runs over a list.
  [[nodiscard]] bool has_lanes() const { return lane_count_ > 0; }
  /// A step over a list has lanes, each of which works on one element at a time. They are numbered through all steps.
  [[nodiscard]] std::size_t lane_count() const { return lane_count_; }
  /// The first lane of a step over a list, which has `for_each.parallel` of them.
  [[nodiscard]] std::size_t first_lane(std::size_t of) const { return links_[of].first_lane; }

  /// Whether any step has a compensation.
  [[nodiscard]] bool has_compensations() const { return has_compensations_; }
  /// The step that makes good what this one did.
  [[nodiscard]] std::optional<std::size_t> compensation_of(std::size_t done) const { return links_[done].compensation; }
  /// The step whose doing this one makes good, if it is a compensation.
  [[nodiscard]] std::optional<std::size_t> compensated_by(std::size_t what) const { return links_[what].compensates; }

 private:
  /// How a step is connected, as indexes.
  struct links {
    std::array<std::vector<route>, 3> routes;  ///< by outcome
    std::vector<std::size_t> dependencies;
    std::vector<std::size_t> dependents;
    std::optional<std::size_t> compensation;
    std::optional<std::size_t> compensates;
    std::size_t first_lane = 0;
  };

  explicit definition(detail::draft checked);
  void connect();
  void add_compensations();

  json document_;
  std::string fingerprint_;
  std::string name_;
  std::string version_;
  std::string queue_;
  std::vector<trigger> triggers_;
  std::vector<step> steps_;
  std::vector<transition> transitions_;
  std::unordered_map<std::string, std::size_t> step_indexes_;
  bool has_dependencies_ = false;
  bool has_compensations_ = false;
  std::size_t lane_count_ = 0;
  std::vector<std::size_t> entries_;
  std::vector<links> links_;  ///< by step
};

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
