// squid_mesh/definition.hpp - a workflow as a value that owns its parts: read from a declaration or from JSON.
#pragma once

#include <squid_mesh/declaration.hpp>
#include <squid_mesh/error.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh {

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
  struct step {
    std::string name;
    step_kind kind = step_kind::action;
    std::vector<input_binding> input;
    std::string output;
    retry_policy retry;
    milliseconds timeout{0};
    bool transactional = false;
    std::string log_message;
    level log_severity = level::info;
    milliseconds wait_duration{0};
  };
  struct transition {
    std::string from;
    squid_mesh::on on = squid_mesh::on::ok;
    std::string to;
  };

  /// Where a transition leads: a step's index, or the end of the run.
  struct target {
    std::optional<std::size_t> step;  ///< nullopt: complete
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
  [[nodiscard]] std::span<const step> steps() const { return steps_; }
  [[nodiscard]] std::span<const transition> transitions() const { return transitions_; }

  [[nodiscard]] const trigger* find_trigger(std::string_view name) const;
  [[nodiscard]] std::optional<std::size_t> find_step(std::string_view name) const;
  /// The step with which a run begins.
  [[nodiscard]] std::size_t entry() const { return entry_; }
  /// Where a run goes after a step ended so; nullopt where no transition says.
  [[nodiscard]] std::optional<target> next(std::size_t from, on outcome) const;

 private:
  explicit definition(detail::draft checked);

  json document_;
  std::string fingerprint_;
  std::string name_;
  std::string version_;
  std::vector<trigger> triggers_;
  std::vector<step> steps_;
  std::vector<transition> transitions_;
  std::size_t entry_ = 0;
  std::vector<std::optional<target>> on_ok_;     ///< by step index
  std::vector<std::optional<target>> on_error_;  ///< by step index
};

}  // namespace squid_mesh
