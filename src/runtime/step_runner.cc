#include "runtime/step_runner.h"

#include "base/fault.h"
#include "runtime/child_step.h"

#include <squid_mesh/step_context.hpp>

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// The stop of one attempt: requested by its timeout, by the process's shutdown, or because the run is cancelled.
/// Shared with the timer.
struct attempt_stop {
  std::stop_source source;
  std::atomic<bool> timed_out = false;
};

class attempt_context final : public step_context {
 public:
  attempt_context(const conductor& run, const conductor::attempt_plan& plan, std::stop_token stop,
                  const step_surroundings& around)
      : run_(run), step_(run.workflow().steps()[plan.of.step]), plan_(plan), stop_(std::move(stop)), around_(around) {}

  [[nodiscard]] const run_id& run() const override { return run_.run(); }
  [[nodiscard]] std::string_view workflow() const override { return run_.workflow().name(); }
  [[nodiscard]] std::string_view step() const override { return step_.name; }
  [[nodiscard]] int attempt() const override { return plan_.of.number; }
  [[nodiscard]] std::string idempotency_key() const override {
    std::string key = to_string(run_.run()) + ":" + step_.name;
    if (plan_.visit > 1) key += ":" + std::to_string(plan_.visit);
    if (plan_.of.element) key += ":#" + std::to_string(*plan_.of.element);
    return key;
  }
  [[nodiscard]] std::optional<std::size_t> element() const override { return plan_.of.element; }
  [[nodiscard]] std::string traceparent() const override {
    return traceparent_of(run_.about(telemetry_kind::step_started, plan_));
  }
  [[nodiscard]] std::stop_token stop() const override { return stop_; }
  [[nodiscard]] squid_mesh::transaction* transaction() const override { return around_.within; }

  result<run_ref> start_child_run(std::string_view workflow, json payload, const child_options& options) override {
    if (stop_.stop_requested()) {
      return std::unexpected(error{.code = errc::interrupted, .message = "the attempt has been told to stop"});
    }
    parent_link link = run_.link_from(plan_, options.key, false);
    link.is_cancelled_along = options.on_cancel == on_parent_cancel::cancel;
    return around_.children->start(workflow, payload, options, link, around_.within);
  }

  void log(level severity, std::string_view message) override {
    const std::string shown = run_.secrets().mask(std::string(message));
    around_.node->around().log({.severity = severity,
                                .message = shown,
                                .run = run_.run(),
                                .workflow = run_.workflow().name(),
                                .step = step_.name,
                                .attempt = plan_.of.number,
                                .element = plan_.of.element});
  }

 private:
  [[nodiscard]] void* host_object(std::type_index type) const override {
    void* object = around_.workflows->host_object(type);
    if (object == nullptr) {
      throw std::logic_error(std::string("the host has not provided an object of type ") + type.name());
    }
    return object;
  }

  const conductor& run_;
  const definition::step& step_;
  const conductor::attempt_plan& plan_;
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

void tell_start(const conductor& run, const conductor::attempt_plan& plan, const step_surroundings& around) {
  if (!around.node->is_heard()) return;
  around.node->around().telemetry->tell({run.about(telemetry_kind::step_started, plan)});
}

worker_event run_action(const conductor& run, const conductor::attempt_plan& plan, const handler& action,
                        const step_surroundings& around) {
  const definition::step& step = run.workflow().steps()[plan.of.step];
  if (!plan.input) return event::failed{.of = plan.of, .reason = plan.input.error()};

  tell_start(run, plan, around);
  const auto stop = std::make_shared<attempt_stop>();
  const auto ask = [&stop] { stop->source.request_stop(); };
  const std::stop_callback on_shutdown(around.place->shutdown(), ask);
  const std::stop_callback on_withdrawal(around.place->withdrawn(), ask);
  attempt_context context(run, plan, stop->source.get_token(), around);
  auto output = [&] {
    const deadline timer(*around.node, step.timeout, stop);
    return call(action, *plan.input, context);
  }();

  if (stop->timed_out) {
    return event::failed{
        .of = plan.of,
        .reason = {.code = errc::timeout,
                   .message = "the attempt took longer than " + std::to_string(step.timeout.count()) + " ms",
                   .retryable = true}};
  }
  if (output) return event::succeeded{.of = plan.of, .output = *std::move(output)};
  // Whoever is told to stop has not failed.
  const bool told_to_stop = around.place->shutdown().stop_requested() || around.place->withdrawn().stop_requested();
  if (told_to_stop) return event::interrupted{plan.of};
  return event::failed{.of = plan.of, .reason = masked(std::move(output).error(), run.secrets())};
}

}  // namespace

worker_event run_step(const conductor& run, next_attempt what, const step_surroundings& around) {
  fault::point();
  const definition::step& declared = run.workflow().steps()[what.step];
  if (declared.kind == step_kind::child) return run_child_step(run, what.step, around);
  const auto plan = run.plan_attempt(what, around.node->around().clock->now());
  if (declared.kind == step_kind::log) {
    tell_start(run, plan, around);
    attempt_context(run, plan, {}, around).log(declared.log_severity, declared.log_message);
    return event::succeeded{.of = plan.of, .output = json()};
  }
  const auto action = around.workflows->find_handler(run.workflow().name(), declared.name);
  if (action == nullptr) return event::no_handler{plan.of};
  worker_event outcome = run_action(run, plan, *action, around);
  fault::point();
  return outcome;
}

}  // namespace squid_mesh::inline v1
