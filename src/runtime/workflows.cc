#include "runtime/workflows.h"

#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

/// Every action step needs a handler, and every handler an action step.
result<void> check_handlers(const definition& workflow, const std::map<std::string, handler>& handlers) {
  std::vector<problem> problems;
  for (const definition::step& step : workflow.steps()) {
    const auto found = handlers.find(step.name);
    if (has_handler(step.kind) && (found == handlers.end() || !found->second)) {
      problems.push_back({.path = "handlers." + step.name,
                          .rule = "action_has_no_handler",
                          .message = "action step " + step.name + " has no handler"});
    }
  }
  for (const auto& [name, call] : handlers) {
    const auto step = workflow.find_step(name);
    if (!step || !has_handler(workflow.steps()[*step].kind)) {
      problems.push_back({.path = "handlers." + name,
                          .rule = "handler_has_no_action_step",
                          .message = name + " is not an action step of " + workflow.name()});
    }
  }
  if (problems.empty()) return {};
  return std::unexpected(error{.code = errc::invalid_argument,
                               .message = "the handlers don't fit workflow " + workflow.name(),
                               .problems = std::move(problems)});
}

}  // namespace

result<void> workflows::add(definition workflow, std::map<std::string, handler> handlers, time_point now) {
  if (auto fit = check_handlers(workflow, handlers); !fit) return fit;
  const auto shared = std::make_shared<const definition>(std::move(workflow));
  auto stored =
      store_.put_definition(shared->fingerprint(), shared->name(), shared->version(), shared->to_json().dump(), now);
  if (!stored) return stored;
  const std::lock_guard lock(mutex_);
  by_fingerprint_[shared->fingerprint()] = shared;
  known& entry = by_name_[shared->name()];
  entry.newest = shared;
  for (auto& [step, call] : handlers) entry.handlers[step] = std::make_shared<const handler>(std::move(call));
  return {};
}

result<std::shared_ptr<const definition>> workflows::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_name_.find(name); found != by_name_.end()) return found->second.newest;
  return std::unexpected(error{.code = errc::not_found,
                               .message = "this process has no workflow \"" + std::string(name) + "\": add it first"});
}

result<std::shared_ptr<const definition>> workflows::newest(std::string_view name) {
  auto here = find(name);
  if (here) return here;
  const auto stored = store_.list_definitions(name);
  if (!stored) return std::unexpected(stored.error());
  if (!stored->empty()) return pinned(stored->front().fingerprint);
  return std::unexpected(
      error{.code = errc::not_found, .message = "no workflow \"" + std::string(name) + "\" was ever added"});
}

result<std::shared_ptr<const definition>> workflows::pinned(const std::string& fingerprint) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = by_fingerprint_.find(fingerprint); found != by_fingerprint_.end()) return found->second;
  }
  auto document = store_.get_definition(fingerprint);
  if (!document) return std::unexpected(std::move(document).error());
  auto parsed = definition::from_json(json::parse(*document, nullptr, false));
  if (!parsed) return std::unexpected(std::move(parsed).error());
  auto shared = std::make_shared<const definition>(*std::move(parsed));
  const std::lock_guard lock(mutex_);
  return by_fingerprint_.emplace(fingerprint, std::move(shared)).first->second;
}

result<run_state> workflows::fold(const journal& history) {
  auto workflow = pinned(history.run.definition);
  if (!workflow) return std::unexpected(std::move(workflow).error());
  auto state = squid_mesh::fold(*std::move(workflow), history);
  if (state || !history.before) return state;
  const auto whole = store_.read_run(history.run.id);
  if (!whole) return std::unexpected(whole.error());
  return fold(*whole);
}

std::vector<std::shared_ptr<const definition>> workflows::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const definition>> newest;
  newest.reserve(by_name_.size());
  for (const auto& [name, entry] : by_name_) newest.push_back(entry.newest);
  return newest;
}

std::shared_ptr<const handler> workflows::find_handler(std::string_view workflow, std::string_view step) const {
  const std::lock_guard lock(mutex_);
  const auto entry = by_name_.find(workflow);
  if (entry == by_name_.end()) return nullptr;
  const auto found = entry->second.handlers.find(step);
  return found == entry->second.handlers.end() ? nullptr : found->second;
}

void workflows::set_tick_payload(schedule_name of, json payload) {
  const std::lock_guard lock(mutex_);
  tick_payloads_[std::move(of)] = std::move(payload);
}

json workflows::tick_payload(const schedule_name& of) const {
  const std::lock_guard lock(mutex_);
  const auto found = tick_payloads_.find(of);
  return found == tick_payloads_.end() ? json::object() : found->second;
}

void workflows::provide(std::type_index type, void* object) {
  const std::lock_guard lock(mutex_);
  host_objects_[type] = object;
}

void* workflows::host_object(std::type_index type) const {
  const std::lock_guard lock(mutex_);
  const auto found = host_objects_.find(type);
  return found == host_objects_.end() ? nullptr : found->second;
}

}  // namespace squid_mesh::inline v1
