#include "runtime/child_step.h"

#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

worker_event look_at(const run_id& child, std::size_t step, const step_surroundings& around) {
  auto outcome = around.children->outcome_of(child);
  if (!outcome) {
    around.node->around().log(
        level::warning, "what became of run " + to_string(child) + " can't be seen: " + to_string(outcome.error()));
    return event::child_goes_on{.step = step, .child = child};
  }
  if (!*outcome) return event::child_goes_on{.step = step, .child = child};
  return event::child_ended{.step = step, .child = child, .outcome = **std::move(outcome)};
}

}  // namespace

worker_event run_child_step(const conductor& run, std::size_t step, const step_surroundings& around) {
  const auto plan = run.plan_attempt({.step = step}, around.node->around().clock->now());
  if (plan.awaited) return look_at(*plan.awaited, step, around);
  const definition::step& declared = run.workflow().steps()[step];
  if (!around.children->knows(declared.child.workflow)) return event::no_handler{plan.of};
  if (!plan.input) return event::failed{.of = plan.of, .reason = plan.input.error()};
  parent_link link = run.link_from(plan, declared.name, true);
  link.is_cancelled_along = declared.child.on_cancel == on_parent_cancel::cancel;
  auto start = around.children->plan(declared, link, *plan.input);
  if (!start) return event::failed{.of = plan.of, .reason = std::move(start).error()};
  return event::child_planned{.of = plan.of, .start = *std::move(start)};
}

}  // namespace squid_mesh::inline v1
