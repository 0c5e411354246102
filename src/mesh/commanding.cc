// Commands to runs, one at a time and many at once.
#include "mesh/impl.h"
#include "progress/replay.h"
#include "runtime/start.h"

#include <squid_mesh/detail/text.hpp>

#include <string>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

/// Whether what a person says can be stored.
result<void> check_said(std::string_view actor, std::string_view why, std::string_view key) {
  if (auto good = check_key(key, "idempotency_key"); !good) return good;
  if (!detail::is_utf8(actor) || !detail::is_utf8(why)) return invalid("actor, reason and comment have to be UTF-8");
  return {};
}

result<void> check_json(const json& value, std::size_t max_bytes, std::string_view what) {
  try {
    if (value.dump().size() <= max_bytes) return {};
  } catch (const json::exception&) {
    return invalid(std::string(what) + " holds text that is not UTF-8");
  }
  return invalid(std::string(what) + " is larger than " + std::to_string(max_bytes) + " bytes");
}

event::command said_by(const command& by) {
  return {.actor = by.actor, .reason = by.reason, .metadata = nullptr, .key = by.idempotency_key};
}

event::command said_by(const gate_decision& by) {
  return {.actor = by.actor, .reason = by.comment, .metadata = by.metadata, .key = by.idempotency_key};
}

command_receipt receipt(const command_result& given) { return {.status = given.status, .repeated = given.repeated}; }

result<command_receipt> give(commander& to, const run_id& id, const command_event& what) {
  auto given = to.give(id, what);
  if (!given) return std::unexpected(std::move(given).error());
  return receipt(*given);
}

/// `wants_actor`: whether the decision has to say who makes it.
result<void> check(const gate_decision& decision, bool wants_actor, std::size_t max_bytes) {
  if (wants_actor && decision.actor.empty()) return invalid("actor is required: who decides?");
  if (auto good = check_said(decision.actor, decision.comment, decision.idempotency_key); !good) return good;
  return check_json(decision.metadata, max_bytes, "metadata");
}

result<void> check(std::string_view event, const json& data, const signal_options& options, std::size_t max_bytes) {
  if (event.empty()) return invalid("an event needs a name");
  if (auto good = check_key(event, "an event's name"); !good) return good;
  if (auto good = check_said(options.actor, {}, options.idempotency_key); !good) return good;
  return check_json(data, max_bytes, "an event's data");
}

/// Refuses to bring about again what can't be taken back.
result<void> check_replay(workflows& known, const journal& old) {
  const auto state = known.fold(old);
  if (!state) return std::unexpected(state.error());
  const std::vector<std::string> steps = steps_against_replay(*state);
  if (steps.empty()) return {};
  std::string names;
  for (const std::string& name : steps) names += (names.empty() ? "" : ", ") + name;
  return std::unexpected(error{.code = errc::conflict,
                               .message = "run " + to_string(old.run.id) + " has done what can't be undone: " + names +
                                          "; a replay does it again, and has to allow it",
                               .kind = "irreversible",
                               .details = {{"steps", steps}}});
}

}  // namespace

result<command_receipt> mesh::unblock_run(const run_id& id, const gate_decision& decision) {
  if (auto good = check(decision, false, impl_->options.max_payload_bytes); !good) return std::unexpected(good.error());
  return give(impl_->commands, id, event::unblocked{.by = said_by(decision), .step = decision.step});
}

result<command_receipt> mesh::approve_run(const run_id& id, const gate_decision& decision) {
  if (auto good = check(decision, true, impl_->options.max_payload_bytes); !good) return std::unexpected(good.error());
  return give(impl_->commands, id, event::approved{.by = said_by(decision), .step = decision.step});
}

result<command_receipt> mesh::reject_run(const run_id& id, const gate_decision& decision) {
  if (auto good = check(decision, true, impl_->options.max_payload_bytes); !good) return std::unexpected(good.error());
  return give(impl_->commands, id, event::rejected{.by = said_by(decision), .step = decision.step});
}

result<command_receipt> mesh::signal_run(const run_id& id, std::string_view event, json data,
                                         const signal_options& options) {
  if (auto good = check(event, data, options, impl_->options.max_payload_bytes); !good) {
    return std::unexpected(good.error());
  }
  const event::command by{.actor = options.actor, .reason = {}, .metadata = nullptr, .key = options.idempotency_key};
  return give(impl_->commands, id, event::signalled{.by = by, .name = std::string(event), .data = std::move(data)});
}

result<command_receipt> mesh::cancel_run(const run_id& id, const command& by) {
  if (auto good = check_said(by.actor, by.reason, by.idempotency_key); !good) return std::unexpected(good.error());
  return give(impl_->commands, id, event::cancelled{.by = said_by(by), .idle = {}});
}

namespace {

result<command_receipt> resolve_compensation(commander& to, const run_id& id, const command& by,
                                             event::compensation_resolved::how as) {
  const bool is_decision = as != event::compensation_resolved::how::retried;
  if (is_decision && (by.actor.empty() || by.reason.empty())) {
    return invalid("actor and reason are required: who leaves it at that, and why?");
  }
  if (auto good = check_said(by.actor, by.reason, by.idempotency_key); !good) return std::unexpected(good.error());
  return give(to, id, event::compensation_resolved{.by = said_by(by), .as = as});
}

}  // namespace

result<command_receipt> mesh::retry_compensation(const run_id& id, const command& by) {
  return resolve_compensation(impl_->commands, id, by, event::compensation_resolved::how::retried);
}

result<command_receipt> mesh::skip_compensation(const run_id& id, const command& by) {
  return resolve_compensation(impl_->commands, id, by, event::compensation_resolved::how::skipped);
}

result<command_receipt> mesh::mark_compensated(const run_id& id, const command& by) {
  return resolve_compensation(impl_->commands, id, by, event::compensation_resolved::how::done);
}

result<command_receipt> mesh::retry_run(const run_id& id, const retry_options& options) {
  if (auto good = check_said(options.actor, options.reason, options.idempotency_key); !good) {
    return std::unexpected(good.error());
  }
  if (auto good = check_json(options.input, impl_->options.max_payload_bytes, "the edited input"); !good) {
    return std::unexpected(good.error());
  }
  return give(impl_->commands, id, event::retried{.by = said_by(options), .inputs = options.input});
}

result<command_receipt> mesh::migrate_run(const run_id& id, const migrate_options& options) {
  if (auto good = check_said(options.actor, options.reason, options.idempotency_key); !good) {
    return std::unexpected(good.error());
  }
  const auto records = impl_->workers.store().read_recent(id);
  if (!records) return std::unexpected(records.error());
  const std::string& workflow = records->run.workflow;
  auto to = options.definition.empty() ? impl_->known.newest(workflow) : impl_->known.pinned(options.definition);
  if (!to) return std::unexpected(std::move(to).error());
  if ((*to)->name() != workflow) return invalid("the definition is one of workflow " + (*to)->name());
  return give(impl_->commands, id,
              event::migrated{.by = said_by(options), .to = *std::move(to), .steps = options.steps, .state = {}});
}

result<run_ref> mesh::replay_run(const run_id& id, const replay_options& options) {
  if (auto good = check_said(options.actor, options.reason, options.idempotency_key); !good) {
    return std::unexpected(good.error());
  }
  auto history = impl_->workers.store().read_run(id);
  if (!history) return std::unexpected(std::move(history).error());
  const run_record& old = history->run;
  // Its secrets are masked: a new run would get the masks.
  if (auto good = check_is_not_imported(old); !good) return std::unexpected(std::move(good).error());
  if (!options.allow_irreversible) {
    if (auto good = check_replay(impl_->known, *history); !good) return std::unexpected(std::move(good).error());
  }
  auto workflow = options.newest_definition ? impl_->known.newest(old.workflow) : impl_->known.pinned(old.definition);
  if (!workflow) return std::unexpected(std::move(workflow).error());
  if ((*workflow)->find_trigger(old.trigger) == nullptr) {
    return std::unexpected(error{.code = errc::conflict,
                                 .message = "workflow " + old.workflow + " has no trigger " + old.trigger + " any more",
                                 .kind = "no_trigger"});
  }
  json origin = {{"replay_of", to_string(id)}};
  if (!options.actor.empty()) origin["actor"] = options.actor;
  if (!options.reason.empty()) origin["reason"] = options.reason;
  if (options.allow_irreversible) origin["allow_irreversible"] = true;
  const json before = old.origin.empty() ? json::object() : json::parse(old.origin, nullptr, false);
  if (before.is_object() && before.contains("schedule")) origin["schedule"] = before["schedule"];
  commit start = plan_replay(old, **workflow, origin, impl_->workers.now(), impl_->workers.random());
  if (!options.idempotency_key.empty()) {
    start.start->start_key = "replay:" + to_string(id) + ":" + options.idempotency_key;
  }
  std::vector<commit> starts;
  starts.push_back(std::move(start));
  auto refs = impl_->write_starts(starts);
  if (!refs) return std::unexpected(std::move(refs).error());
  return refs->front();
}

namespace {

/// Gives a command to each run of a page.
template <class Outcome, class Give>
result<std::vector<Outcome>> give_to_all(const result<run_page>& page, const Give& give_to) {
  if (!page) return std::unexpected(page.error());
  std::vector<Outcome> outcomes;
  outcomes.reserve(page->runs.size());
  for (const run_summary& run : page->runs) outcomes.push_back({.run = run.id, .outcome = give_to(run.id)});
  return outcomes;
}

}  // namespace

result<std::vector<bulk_outcome>> mesh::cancel_runs(run_filter filter, const command& by) {
  if (filter.statuses.empty()) filter.statuses = uncancelled;
  return give_to_all<bulk_outcome>(list_runs(filter), [&](const run_id& id) { return cancel_run(id, by); });
}

result<std::vector<bulk_outcome>> mesh::retry_runs(run_filter filter, const command& by) {
  if (filter.statuses.empty()) filter.statuses = {run_status::failed};
  return give_to_all<bulk_outcome>(list_runs(filter),
                                   [&](const run_id& id) { return retry_run(id, retry_options{by}); });
}

result<std::vector<bulk_outcome>> mesh::migrate_runs(run_filter filter, const migrate_options& options) {
  if (filter.statuses.empty()) filter.statuses = uncancelled;
  return give_to_all<bulk_outcome>(list_runs(filter), [&](const run_id& id) { return migrate_run(id, options); });
}

result<std::vector<bulk_replay>> mesh::replay_runs(const run_filter& filter, const replay_options& options) {
  return give_to_all<bulk_replay>(list_runs(filter), [&](const run_id& id) { return replay_run(id, options); });
}

result<std::vector<bulk_outcome>> mesh::unblock_runs(run_filter filter, const gate_decision& decision) {
  if (auto good = check(decision, false, impl_->options.max_payload_bytes); !good) return std::unexpected(good.error());
  if (filter.statuses.empty()) filter.statuses = {run_status::paused};
  return give_to_all<bulk_outcome>(list_runs(filter), [&](const run_id& id) { return unblock_run(id, decision); });
}

result<std::vector<bulk_outcome>> mesh::approve_runs(run_filter filter, const gate_decision& decision) {
  if (auto good = check(decision, true, impl_->options.max_payload_bytes); !good) return std::unexpected(good.error());
  if (filter.statuses.empty()) filter.statuses = {run_status::paused};
  return give_to_all<bulk_outcome>(list_runs(filter), [&](const run_id& id) { return approve_run(id, decision); });
}

result<std::vector<bulk_outcome>> mesh::reject_runs(run_filter filter, const gate_decision& decision) {
  if (auto good = check(decision, true, impl_->options.max_payload_bytes); !good) return std::unexpected(good.error());
  if (filter.statuses.empty()) filter.statuses = {run_status::paused};
  return give_to_all<bulk_outcome>(list_runs(filter), [&](const run_id& id) { return reject_run(id, decision); });
}

result<std::vector<bulk_outcome>> mesh::signal_runs(run_filter filter, std::string_view event, const json& data,
                                                    const signal_options& options) {
  if (auto good = check(event, data, options, impl_->options.max_payload_bytes); !good) {
    return std::unexpected(good.error());
  }
  if (filter.statuses.empty()) filter.statuses = uncancelled;
  return give_to_all<bulk_outcome>(list_runs(filter),
                                   [&](const run_id& id) { return signal_run(id, event, data, options); });
}

}  // namespace squid_mesh::inline v1
