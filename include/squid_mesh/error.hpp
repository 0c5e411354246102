// squid_mesh/error.hpp - what went wrong, and what the caller can do about it.
#pragma once

#include <squid_mesh/json.hpp>
#include <squid_mesh/time.hpp>

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// One code per reaction that a caller can have; the message tells the rest. The names are stored in journals, so
/// they never change.
enum class errc {
  invalid_argument,    ///< A call's argument is wrong; fix the call.
  invalid_definition,  ///< A workflow breaks the rules; see `error::problems`.
  invalid_payload,     ///< A payload doesn't fit its trigger; see `error::problems`. Nothing was written.
  missing_input,       ///< A step's declared input is not in the run's context.
  not_found,           ///< No such run, job, workflow or trigger.
  conflict,            ///< The present state forbids the call.
  unavailable,         ///< The database or a peer can't be reached or is busy; try again later.
  in_doubt,            ///< The answer to a write was lost: it may or may not have happened.
  timeout,             ///< The time allowed has passed.
  schema_mismatch,     ///< The database's schema is not the one this library needs.
  storage,             ///< The database refused: full, read-only, damaged.
  step_failed,         ///< A step's action reported a failure.
  cancelled,           ///< The work was cancelled.
  interrupted,         ///< The process is shutting down.
  internal,            ///< A defect in the library. Please report it.
};

/// The code as it is stored and shown: `invalid_payload`.
std::string_view to_string(errc code);

/// One of several things wrong with a definition or a payload.
struct problem {
  std::string path;     ///< Where, such as `transitions[2].to` or `payload.feed_url`.
  std::string rule;     ///< Which rule, by its stable name, such as `transition_targets_a_step_that_is_not_declared`.
  std::string message;  ///< What is wrong, in a sentence.

  bool operator==(const problem&) const = default;
};

/// The error of every call of the library, and of every step's action.
///
/// An action fails by returning one: `return std::unexpected(sm::permanent("card refused"))`.
struct error {
  errc code = errc::step_failed;
  std::string message;
  /// A finer, machine-readable sort within the code, such as `http_status`; may be empty.
  std::string kind{};
  /// Everything that is wrong, where more than one thing can be.
  std::vector<problem> problems{};
  /// Whether doing the same again may succeed.
  bool retryable = false;
  /// The earliest time from now at which trying again makes sense, if the failing side said so.
  std::optional<milliseconds> retry_after{};
  /// Further facts for people and programs; an object or null. Never put a secret here.
  json details = nullptr;
};

/// The result of a call that can fail.
template <class T>
using result = std::expected<T, error>;

/// A step failure that trying again may cure: the step's retry policy decides.
/// `retry_after`, if given, is the least time to wait before the next attempt.
error retryable(std::string message, std::optional<milliseconds> retry_after = std::nullopt);

/// A step failure that no retry can cure: the step fails at once, whatever its retry policy.
error permanent(std::string message);

/// The error as JSON, as it is stored and shown: code, message and, where they are set, kind, retryable,
/// retry_after_ms, problems and details.
json to_json(const error& e);

/// The error as one line of text, with every problem: for logs and exceptions.
std::string to_string(const error& e);

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
