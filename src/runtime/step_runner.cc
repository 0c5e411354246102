#include "runtime/step_runner.h"

#include "base/fault.h"
#include "progress/policy.h"

#include <squid_mesh/step_context.hpp>

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace squid_mesh {
namespace {

/// The stop of one attempt: requested by its timeout, or by the process's shutdown. Shared with the timer.
struct attempt_stop {
  std::stop_source source;
  std::atomic<bool> timed_out = false;
};

class attempt_context final : public step_context {
 public:
  attempt_context(const run_state& state, const definition::step& step, int attempt, std::stop_token stop,
                  const step_surroundings& around)
      : state_(state), step_(step), attempt_(attempt), stop_(std::move(stop)), around_(around) {}

  [[nodiscard]] const run_id& run() const override { return state_.id; }
  [[nodiscard]] std::string_view workflow() const override { return state_.definition->name(); }
  [[nodiscard]] std::string_view step() const override { return step_.name; }
  [[nodiscard]] int attempt() const override { return attempt_; }
  [[nodiscard]] std::string idempotency_key() const override { return to_string(state_.id) + ":" + step_.name; }
  [[nodiscard]] std::stop_token stop() const override { return stop_; }
  [[nodiscard]] squid_mesh::transaction* transaction() const override { return around_.within; }

  void log(level severity, std::string_view message) override {
    around_.node->around().log(severity, state_.definition->name() + " " + to_string(state_.id) + " " + step_.name +
                                             " #" + std::to_string(attempt_) + ": " +
                                             around_.secrets->mask(std::string(message)));
  }

 private:
  [[nodiscard]] void* host_object(std::type_index type) const override {
    void* object = around_.workflows->host_object(type);
    if (object == nullptr) {
      throw std::logic_error(std::string("the host has not provided an object of type ") + type.name());
    }
    return object;
  }

  const run_state& state_;
  const definition::step& step_;
  const int attempt_;
  const std::stop_token stop_;
  const step_surroundings& around_;
};

error thrown(const char* what) {
  error reason = retryable(what);
  reason.kind = "exception";
  return reason;
}

result<json> call(const handler& action, const json& input, step_context& context) {
  try {
    return action(input, context);
  } catch (const std::exception& e) {
    return std::unexpected(thrown(e.what()));
  } catch (...) {
    return std::unexpected(thrown("the action threw something that is not a std::exception"));
  }
}

/// Requests a stop when the step's time is over, for as long as it lives.
class deadline {
 public:
  deadline(jobs::node& node, milliseconds timeout, std::shared_ptr<attempt_stop> stop) : node_(node) {
    if (timeout.count() == 0) return;
    timer_ = node_.at(node_.around().clock->now() + timeout, [stop = std::move(stop)] {
      stop->timed_out = true;
      stop->source.request_stop();
    });
  }
  deadline(const deadline&) = delete;
  deadline& operator=(const deadline&) = delete;
  ~deadline() {
    if (timer_ != 0) node_.cancel_timer(timer_);
  }

 private:
  jobs::node& node_;
  std::uint64_t timer_ = 0;
};

error masked(error reason, const redactor& secrets) {
  if (secrets.empty()) return reason;
  reason.message = secrets.mask(std::move(reason.message));
  reason.details = secrets.mask(std::move(reason.details));
  for (problem& p : reason.problems) p.message = secrets.mask(std::move(p.message));
  return reason;
}

/// The declared input, or the whole context where none is declared; no copy of that one is made.
class step_input {
 public:
  step_input(const definition::step& step, const json& context) : context_(context) {
    if (!step.input.empty()) selected_ = select_input(step, context);
  }
  [[nodiscard]] const error* problem() const { return selected_ && !*selected_ ? &selected_->error() : nullptr; }
  [[nodiscard]] const json& value() const { return selected_ ? **selected_ : context_; }

 private:
  const json& context_;
  std::optional<result<json>> selected_;
};

run_event run_action(const run_state& state, const event::attempt& of, const handler& action,
                     const step_surroundings& around) {
  const definition::step& step = state.definition->steps()[of.step];
  const step_input input(step, state.context);
  if (input.problem() != nullptr) return event::failed{.of = of, .reason = *input.problem()};

  const auto stop = std::make_shared<attempt_stop>();
  const std::stop_callback on_shutdown(around.place->shutdown(), [&stop] { stop->source.request_stop(); });
  attempt_context context(state, step, of.number, stop->source.get_token(), around);
  auto output = [&] {
    const deadline timer(*around.node, step.timeout, stop);
    return call(action, input.value(), context);
  }();

  if (stop->timed_out) {
    return event::failed{
        .of = of,
        .reason = {.code = errc::timeout,
                   .message = "the attempt took longer than " + std::to_string(step.timeout.count()) + " ms",
                   .retryable = true}};
  }
  if (output) return event::succeeded{.of = of, .output = *std::move(output)};
  if (around.place->shutdown().stop_requested()) return event::interrupted{of};
  return event::failed{.of = of, .reason = masked(std::move(output).error(), *around.secrets)};
}

}  // namespace

event::attempt next_attempt(const run_state& state, std::size_t step, time_point now) {
  return {.step = step, .number = state.steps[step].attempts + 1, .started_at = now};
}

run_event run_step(const run_state& state, std::size_t step, const step_surroundings& around) {
  fault::point();
  const definition::step& declared = state.definition->steps()[step];
  const event::attempt of = next_attempt(state, step, around.node->around().clock->now());
  if (declared.kind == step_kind::log) {
    attempt_context(state, declared, of.number, {}, around).log(declared.log_severity, declared.log_message);
    return event::succeeded{.of = of, .output = json()};
  }
  const auto action = around.workflows->find_handler(state.definition->name(), declared.name);
  if (action == nullptr) return event::no_handler{of};
  run_event outcome = run_action(state, of, *action, around);
  fault::point();
  return outcome;
}

}  // namespace squid_mesh
