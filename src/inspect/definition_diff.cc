// How two definitions differ. Their canonical JSON is compared, so that nothing in it can be forgotten here: a setting
// that has no words of its own below is called by its place.
#include "inspect/setting_text.h"
#include "model/names.h"

#include <squid_mesh/definition_diff.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

using element = definition_element;

// In the order of the enumerators, read by programs: never change one.
constexpr std::array<std::string_view, 5> element_names{"workflow", "trigger", "field", "step", "transition"};
constexpr std::array<std::string_view, 3> kind_names{"added", "removed", "changed"};

/// A retry policy that nobody set, in full: against it, one that somebody has set shows only what it sets.
const json& plain_retry() {
  constexpr backoff plain{};
  static const json policy = {{"max_attempts", nullptr},
                              {"backoff",
                               {{"min_ms", plain.min.count()},
                                {"max_ms", plain.max.count()},
                                {"factor", plain.factor},
                                {"jitter", plain.jitter}}}};
  return policy;
}

json value_at(const json& of, const std::string& key) {
  json value = of.value(key, json());
  return key == "retry" && value.is_null() ? plain_retry() : value;
}

/// An element without the parts that are elements themselves.
json without(json from, std::initializer_list<const char*> keys) {
  for (const char* const key : keys) from.erase(key);
  return from;
}

/// Compares two documents, and gathers what it finds.
class comparison {
 public:
  std::vector<definition_change> operator()(const json& before, const json& after) {
    compare_settings({element::workflow, ""}, without(before, {"triggers", "steps", "transitions"}),
                     without(after, {"triggers", "steps", "transitions"}));
    compare_named(element::trigger, "", before.at("triggers"), after.at("triggers"));
    compare_order({element::workflow, ""}, "triggers", before.at("triggers"), after.at("triggers"));
    compare_named(element::step, "", before.at("steps"), after.at("steps"));
    compare_order({element::workflow, ""}, "steps", before.at("steps"), after.at("steps"));
    compare_transitions(before.at("transitions"), after.at("transitions"));
    return std::move(changes_);
  }

 private:
  struct subject {
    element what;
    std::string name;
  };

  void add(change_kind kind, const subject& of, std::string setting, json before, json after, std::string text) {
    changes_.push_back({.kind = kind,
                        .element = of.what,
                        .name = of.name,
                        .setting = std::move(setting),
                        .before = std::move(before),
                        .after = std::move(after),
                        .text = std::move(text)});
  }

  void add_changed(const subject& of, const std::string& setting, const json& before, const json& after) {
    add(change_kind::changed, of, setting, before, after,
        setting_name(setting) + ": " + setting_text(setting, before) + " → " + setting_text(setting, after));
  }

  /// Settings that are objects on both sides are compared one by one.
  void compare_settings(const subject& of, const json& before, const json& after, const std::string& place = "") {
    std::map<std::string, bool> keys;
    for (const auto& [key, value] : before.items()) keys[key] = true;
    for (const auto& [key, value] : after.items()) keys[key] = true;
    for (const auto& [key, present] : keys) {
      const json old = value_at(before, key);
      const json now = value_at(after, key);
      if (old == now) continue;
      const std::string setting = place.empty() ? key : place + "." + key;
      if (old.is_object() && now.is_object() && !is_one_value(setting)) {
        compare_settings(of, old, now, setting);
      } else {
        add_changed(of, setting, old, now);
      }
    }
  }

  static const json* find(const json& list, const json& name) {
    const auto found = std::ranges::find_if(list, [&](const json& each) { return each.at("name") == name; });
    return found == list.end() ? nullptr : &*found;
  }

  /// Elements with names: what went, what came, and what stayed under its name.
  void compare_named(element what, const std::string& prefix, const json& before, const json& after) {
    const auto subject_of = [&](const json& each) {
      return subject{what, prefix + each.at("name").get<std::string>()};
    };
    for (const json& old : before) {
      const json* const now = find(after, old.at("name"));
      if (now == nullptr) {
        add(change_kind::removed, subject_of(old), "", old, nullptr, element_text(what, old));
      } else {
        compare_both(subject_of(old), old, *now);
      }
    }
    for (const json& now : after) {
      if (find(before, now.at("name")) != nullptr) continue;
      add(change_kind::added, subject_of(now), "", nullptr, now, element_text(what, now));
    }
  }

  void compare_both(const subject& of, const json& before, const json& after) {
    compare_settings(of, without(before, {"payload"}), without(after, {"payload"}));
    if (of.what != element::trigger) return;
    compare_named(element::field, of.name + ".", before.at("payload"), after.at("payload"));
    compare_order(of, "payload", before.at("payload"), after.at("payload"));
  }

  /// Whether what is in both lists stands in the same order.
  void compare_order(const subject& of, const std::string& list, const json& before, const json& after) {
    const auto names = [](const json& in, const json& also_in) {
      json kept = json::array();
      for (const json& each : in) {
        if (find(also_in, each.at("name")) != nullptr) kept.push_back(each.at("name"));
      }
      return kept;
    };
    const json old = names(before, after);
    const json now = names(after, before);
    if (old != now) add_changed(of, "order." + list, old, now);
  }

  // -- Transitions, which have no names

  /// The index in `after` of each transition of `before` that is there, be it changed.
  using pairs = std::vector<std::optional<std::size_t>>;

  /// Pairs transitions that are not yet paired and agree in these keys, the first with the first.
  static void pair_up(pairs& found, const json& before, const json& after, std::initializer_list<const char*> keys) {
    const auto agree = [&](const json& a, const json& b) {
      return keys.size() == 0 ? a == b : std::ranges::all_of(keys, [&](const char* k) { return a.at(k) == b.at(k); });
    };
    for (std::size_t i = 0; i < before.size(); ++i) {
      for (std::size_t j = 0; j < after.size() && !found[i]; ++j) {
        if (std::ranges::find(found, std::optional(j)) == found.end() && agree(before[i], after[j])) found[i] = j;
      }
    }
  }

  void compare_transitions(const json& before, const json& after) {
    pairs found(before.size());
    pair_up(found, before, after, {});
    pair_up(found, before, after, {"from", "on", "to"});
    pair_up(found, before, after, {"from", "on"});
    json old_order = json::array();
    std::vector<std::size_t> now_order;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const subject of{element::transition, transition_name(before[i])};
      if (!found[i]) {
        add(change_kind::removed, of, "", before[i], nullptr, element_text(of.what, before[i]));
        continue;
      }
      compare_settings(of, before[i], after[*found[i]]);
      old_order.push_back(transition_name(after[*found[i]]));
      now_order.push_back(*found[i]);
    }
    for (std::size_t j = 0; j < after.size(); ++j) {
      if (std::ranges::find(found, std::optional(j)) != found.end()) continue;
      add(change_kind::added, {element::transition, transition_name(after[j])}, "", nullptr, after[j],
          element_text(element::transition, after[j]));
    }
    if (std::ranges::is_sorted(now_order)) return;
    std::ranges::sort(now_order);
    json new_order = json::array();
    for (const std::size_t j : now_order) new_order.push_back(transition_name(after[j]));
    add_changed({element::workflow, ""}, "order.transitions", old_order, new_order);
  }

  std::vector<definition_change> changes_;
};

}  // namespace

std::string_view to_string(definition_element what) { return name_of(element_names, what); }
std::string_view to_string(change_kind kind) { return name_of(kind_names, kind); }

json to_json(const definition_change& change) {
  return {{"kind", to_string(change.kind)},
          {"element", to_string(change.element)},
          {"name", change.name},
          {"setting", change.setting},
          {"before", change.before},
          {"after", change.after},
          {"text", change.text}};
}

std::vector<definition_change> diff(const definition& before, const definition& after) {
  return comparison()(before.to_json(), after.to_json());
}

}  // namespace squid_mesh::inline v1
