// squid_mesh/definition_diff.hpp - how two definitions differ, for people and for programs.
#pragma once

#include <squid_mesh/definition.hpp>
#include <squid_mesh/json.hpp>

#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// What a definition consists of.
enum class definition_element { workflow, trigger, field, step, transition };
/// `workflow`, `trigger`, `field`, `step`, `transition`.
std::string_view to_string(definition_element element);

enum class change_kind { added, removed, changed };
/// `added`, `removed`, `changed`.
std::string_view to_string(change_kind kind);

/// One thing in which two definitions differ.
struct definition_change {
  change_kind kind = change_kind::changed;
  definition_element element = definition_element::workflow;
  /// Which one: `reserve`; of a field, `manual.item` with its trigger; of a transition, `reserve on ok to ship`, as it
  /// was before. Empty for the workflow itself.
  std::string name;
  /// What of it has changed, by its place in the definition's JSON: `retry.max_attempts`; `order`, and `order.steps`
  /// and its like, where the same elements stand in another order. Empty where the element was added or removed.
  std::string setting;
  json before;       ///< the setting's value, or the element that was removed; null: it wasn't set, or there
  json after;        ///< the same in the later definition
  std::string text;  ///< for people: `attempts: 3 → 5`; of an element that was added or removed, what it is
};
json to_json(const definition_change& change);

/// How `after` differs from `before`: the workflow's own settings first, then its triggers with their payload fields,
/// its steps and its transitions. Elements are the same if they have the same name; transitions, if they lead from the
/// same step for the same outcome. Empty if, and only if, the fingerprints are the same.
[[nodiscard]] std::vector<definition_change> diff(const definition& before, const definition& after);

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
