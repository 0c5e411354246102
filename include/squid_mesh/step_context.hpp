// squid_mesh/step_context.hpp - what an action may ask of the engine while it runs.
#pragma once

#include <squid_mesh/child.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/ids.hpp>
#include <squid_mesh/log.hpp>
#include <squid_mesh/run.hpp>

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <typeindex>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

class transaction;

/// Handed to an action for the time of one attempt; don't keep it longer.
///
/// Safe to use from several threads of the action.
class step_context {
 public:
  step_context(const step_context&) = delete;
  step_context& operator=(const step_context&) = delete;
  virtual ~step_context() = default;

  [[nodiscard]] virtual const run_id& run() const = 0;
  [[nodiscard]] virtual std::string_view workflow() const = 0;
  [[nodiscard]] virtual std::string_view step() const = 0;

  /// Which attempt of this step, or element, this is: 1 for the first.
  [[nodiscard]] virtual int attempt() const = 0;

  /// Of a step over a list: the index of the element.
  [[nodiscard]] virtual std::optional<std::size_t> element() const = 0;

  /// The same for every attempt of this step, or element, of this run and for no other: hand it to the outside world so
  /// that it can recognise a repetition.
  [[nodiscard]] virtual std::string idempotency_key() const = 0;

  /// The W3C trace context of this attempt: hand it on as the header `traceparent` of what the action asks of others.
  [[nodiscard]] virtual std::string traceparent() const = 0;

  /// Stop is requested when the step's timeout has passed, the run was cancelled or the process shuts down. An action
  /// that takes long should look at it, and return when it is asked to.
  [[nodiscard]] virtual std::stop_token stop() const = 0;

  /// The transaction in which a step that is declared transactional ends; null in other steps.
  [[nodiscard]] virtual squid_mesh::transaction* transaction() const = 0;

  /// Starts a run that belongs to this one: a child. Whatever becomes of the attempt, one is started for each workflow
  /// and key, and a transactional step starts it in its transaction. It goes on by itself; a step of the kind `child`
  /// waits for one. Errors: as of `mesh::start_run`, `errc::interrupted` where the attempt has been told to stop.
  virtual result<run_ref> start_child_run(std::string_view workflow, json payload, const child_options& options) = 0;

  /// Writes to the host's log, with the run, the step and the attempt. Secrets of the payload are masked.
  virtual void log(level severity, std::string_view message) = 0;

  /// The object of type `T` that the host gave to `mesh::provide`.
  /// Throws `std::logic_error` where it gave none; the engine reports that as a failure of the step.
  template <class T>
  [[nodiscard]] T& host() const {
    return *static_cast<T*>(host_object(typeid(T)));
  }

 protected:
  step_context() = default;

  [[nodiscard]] virtual void* host_object(std::type_index type) const = 0;
};

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
