#include "runtime/drive.h"

#include "runtime/step_runner.h"

#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {

drive::drive(workflows& known, children& family, jobs::node& node, std::shared_ptr<conductor> run, std::size_t branch,
             std::shared_ptr<jobs::slot> place, std::string queue)
    : known_(known),
      family_(family),
      node_(node),
      run_(std::move(run)),
      branch_(branch),
      place_(std::move(place)),
      queue_(std::move(queue)) {}

void drive::begin(int attempt, time_point since) {
  run_->on(shared_from_this(), event::delivered{.branch = branch_, .attempt = attempt, .since = since});
}

void drive::perform(next_attempt what) {
  if (node_.draining()) return give_back();
  if (run_->workflow().steps()[what.step].transactional) return perform_transactional(what.step);
  run_->on(shared_from_this(),
           run_step(*run_, what, {.workflows = &known_, .children = &family_, .node = &node_, .place = place_.get()}));
}

/// The step's writes and its end are one transaction. Only its success is written there: what else becomes of it is
/// written as usual, after its own writes have been rolled back.
void drive::perform_transactional(std::size_t step) {
  auto work = node_.store().begin();
  if (!work) {
    node_.around().log(level::warning, "run " + to_string(run_->run()) +
                                           ": a step's transaction can't begin: " + to_string(work.error()));
    const auto plan = run_->plan_attempt({.step = step}, node_.around().clock->now());
    return run_->on(shared_from_this(), event::interrupted{plan.of});
  }
  worker_event what = run_step(*run_, {.step = step},
                               {.workflows = &known_,
                                .children = &family_,
                                .node = &node_,
                                .place = place_.get(),
                                .within = &(*work)->hosts_side()});
  if (auto* success = std::get_if<event::succeeded>(&what)) {
    return run_->end_within(shared_from_this(), *std::move(work), std::move(*success));
  }
  work->reset();
  run_->on(shared_from_this(), std::move(what));
}

void drive::give_back() {
  std::vector<commit> commits;
  commits.push_back({.run = run_->run()});
  commits.back().jobs.push_back(
      {.whose = place_->delivery(), .change = {.is = job_change::kind::give_back}, .releases = std::nullopt});
  node_.submit(std::move(commits), jobs::patience::persist, [self = shared_from_this()](auto) {});
}

}  // namespace squid_mesh::inline v1
