#include "base/hash.h"
#include "definition/canonical.h"
#include "definition/problems.h"
#include "definition/read.h"
#include "definition/words.h"

#include <squid_mesh/definition.hpp>

#include <algorithm>
#include <utility>

namespace squid_mesh {
namespace {

/// The index of what has the name.
template <class T>
std::optional<std::size_t> find_named(const std::vector<T>& list, std::string_view name) {
  const auto found = std::ranges::find(list, name, &T::name);
  if (found == list.end()) return std::nullopt;
  return static_cast<std::size_t>(found - list.begin());
}

}  // namespace

std::string_view to_string(type t) { return words::types.at(static_cast<std::size_t>(t)); }
std::string_view to_string(step_kind kind) { return words::step_kinds.at(static_cast<std::size_t>(kind)); }
std::string_view to_string(on outcome) { return words::outcomes.at(static_cast<std::size_t>(outcome)); }

result<definition> definition::from(const declaration& declared) {
  problem_list problems;
  detail::check(declared, problems);
  if (!problems.empty()) return std::unexpected(std::move(problems).to_error(declared.name));
  return from_json(canonical(declared));
}

result<definition> definition::from_json(const json& document) {
  problem_list problems;
  reading read = read_draft(document, problems);
  if (read.is_complete) detail::check(read.workflow, problems);
  if (!problems.empty()) return std::unexpected(std::move(problems).to_error(read.workflow.name));
  return definition(std::move(read.workflow));
}

definition::definition(detail::draft checked)
    : document_(canonical(checked)),
      fingerprint_(sha256_hex(document_.dump())),
      name_(std::move(checked.name)),
      version_(std::move(checked.version)),
      triggers_(std::move(checked.triggers)),
      steps_(std::move(checked.steps)),
      transitions_(std::move(checked.transitions)),
      on_ok_(steps_.size()),
      on_error_(steps_.size()) {
  std::vector<bool> is_target(steps_.size());
  for (const transition& t : transitions_) {
    const std::size_t from = *find_step(t.from);
    const target to{.step = find_step(t.to)};
    (t.on == on::ok ? on_ok_ : on_error_)[from] = to;
    if (to.step) is_target[*to.step] = true;
  }
  entry_ = static_cast<std::size_t>(std::ranges::find(is_target, false) - is_target.begin());
}

const definition::trigger* definition::find_trigger(std::string_view name) const {
  const auto found = find_named(triggers_, name);
  return found ? &triggers_[*found] : nullptr;
}

std::optional<std::size_t> definition::find_step(std::string_view name) const { return find_named(steps_, name); }

std::optional<definition::target> definition::next(std::size_t from, on outcome) const {
  const auto& targets = outcome == on::ok ? on_ok_ : on_error_;
  return from < targets.size() ? targets[from] : std::nullopt;
}

}  // namespace squid_mesh
