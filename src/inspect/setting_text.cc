#include "inspect/setting_text.h"

#include "inspect/sentence.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace squid_mesh::inline v1 {
namespace {

/// What a setting's value is.
enum class form {
  plain,        ///< said as it is; `none` where it isn't set
  flag,         ///< `yes` and `no`; no where it isn't set
  upheld_flag,  ///< the same; yes where it isn't set
  milliseconds,
  inputs,
  condition,
  limit,
};

struct words {
  std::string_view setting;
  std::string_view name;
  form is = form::plain;
};

constexpr std::array<words, 53> all_words{{
    {"schedule", "schedule"},
    {"timezone", "time zone"},
    {"missed", "missed ticks"},
    {"missed_limit", "most missed ticks"},
    {"overlap", "overlapping runs"},
    {"default", "default"},
    {"today", "today's date by default", form::flag},
    {"secret", "secret", form::flag},
    {"optional", "optional", form::flag},
    {"kind", "kind"},
    {"input", "input", form::inputs},
    {"output", "output"},
    {"retry", "retries"},
    {"retry.max_attempts", "attempts"},
    {"retry.backoff.min_ms", "shortest delay of a retry", form::milliseconds},
    {"retry.backoff.max_ms", "longest delay of a retry", form::milliseconds},
    {"retry.backoff.factor", "growth of a retry's delay"},
    {"retry.backoff.jitter", "jitter of a retry's delay"},
    {"timeout_ms", "timeout", form::milliseconds},
    {"transactional", "transactional", form::flag},
    {"after", "waits for"},
    {"irreversible", "irreversible", form::flag},
    {"compensatable", "compensatable", form::upheld_flag},
    {"compensate", "compensation"},
    {"compensate.retry.max_attempts", "attempts of the compensation"},
    {"compensate.retry.backoff.min_ms", "shortest delay of the compensation's retry", form::milliseconds},
    {"compensate.retry.backoff.max_ms", "longest delay of the compensation's retry", form::milliseconds},
    {"compensate.retry.backoff.factor", "growth of the delay of the compensation's retry"},
    {"compensate.retry.backoff.jitter", "jitter of the delay of the compensation's retry"},
    {"compensate.timeout_ms", "timeout of the compensation", form::milliseconds},
    {"compensate.transactional", "transactional compensation", form::flag},
    {"log.message", "message"},
    {"log.level", "level"},
    {"wait.duration_ms", "duration", form::milliseconds},
    {"pause.expires_in_ms", "expires in", form::milliseconds},
    {"approval.expires_in_ms", "expires in", form::milliseconds},
    {"approval.quorum", "approvals needed"},
    {"approval.on_expiry", "when it expires"},
    {"await_event.name", "event"},
    {"await_event.timeout_ms", "timeout", form::milliseconds},
    {"for_each.list", "list"},
    {"for_each.parallel", "side by side"},
    {"for_each.on_failure", "when an element fails"},
    {"for_each.tolerated", "tolerated failures"},
    {"child.workflow", "workflow"},
    {"child.trigger", "trigger"},
    {"child.on_cancel", "when the parent is cancelled"},
    {"to", "leads to"},
    {"when", "condition", form::condition},
    {"at_most", "followed at most", form::limit},
    {"order.triggers", "order of the triggers"},
    {"order.steps", "order of the steps"},
    {"order.payload", "order of the fields"},
}};

/// Numbers in units that divide them: `90 s`, `2 h`, `1500 ms`.
std::string duration_text(std::int64_t length) {
  struct unit {
    std::int64_t length;
    std::string_view name;
  };
  constexpr std::array<unit, 4> units{{{86'400'000, "day"}, {3'600'000, "h"}, {60'000, "min"}, {1'000, "s"}}};
  if (length == 0) return "none";
  for (const unit& each : units) {
    if (length % each.length != 0) continue;
    const std::int64_t count = length / each.length;
    return std::to_string(count) + " " + std::string(each.name) + (each.name == "day" && count != 1 ? "s" : "");
  }
  return std::to_string(length) + " ms";
}

/// `quorum 2, expires in 1 day`: the parts of an object that say something.
std::string parts_text(const std::string& setting, const json& object) {
  std::string text;
  for (const auto& [key, part] : object.items()) {
    const std::string name = setting + "." + key;
    const std::string value = setting_text(name, part);
    if (value == "none" || value == "no") continue;
    text += (text.empty() ? "" : ", ") + setting_name(name) + " " + value;
  }
  return text.empty() ? "yes" : text;
}

std::string list_text(const json& list) {
  std::string text;
  for (const json& each : list) {
    text += (text.empty() ? "" : ", ") + (each.is_string() ? each.get<std::string>() : each.dump());
  }
  return text.empty() ? "none" : text;
}

std::string plain_text(const std::string& setting, const json& value) {
  if (value.is_null() || value == "") return "none";
  if (value.is_string()) return value;
  if (value.is_boolean()) return value ? "yes" : "no";
  if (value.is_object()) return parts_text(setting, value);
  return value.is_array() ? list_text(value) : value.dump();
}

/// `url, first = options.a[0]`
std::string inputs_text(const json& inputs) {
  std::string text;
  for (const json& each : inputs) {
    const std::string name = each.at("name");
    const std::string path = each.at("path");
    if (!text.empty()) text += ", ";
    text += name == path ? name : name + " = " + path;
  }
  return text.empty() ? "none" : text;
}

const words* find_words(const std::string& setting) {
  for (const words& each : all_words) {
    if (each.setting == setting) return &each;
  }
  return nullptr;
}

std::string step_text(const json& step) {
  const std::string kind = step.at("kind");
  json what = step.value(kind, json::object());
  // What every gate has isn't worth a word.
  if (what.value("expires_in_ms", 1) == 0) what.erase("on_expiry");
  if (what.value("quorum", 0) == 1) what.erase("quorum");
  const std::string parts = parts_text(kind, what);
  return parts == "yes" ? kind : kind + ", " + parts;
}

std::string trigger_text(const json& trigger) {
  std::string text = "manual";
  if (const json& schedule = trigger.at("schedule"); schedule.is_string()) {
    text = schedule.get<std::string>() + " " + trigger.at("timezone").get<std::string>();
  }
  std::string fields;
  for (const json& each : trigger.at("payload")) {
    fields += (fields.empty() ? "" : ", ") + each.at("name").get<std::string>();
  }
  return fields.empty() ? text : text + ", with " + fields;
}

std::string field_text(const json& field) {
  std::string text = field.at("type");
  for (const char* const flag : {"secret", "optional", "today"}) {
    if (field.at(flag) == true) text += ", " + setting_name(flag);
  }
  return field.at("default").is_null() ? text : text + ", by default " + field.at("default").dump();
}

std::string transition_text(const json& transition) {
  std::string text;
  if (transition.contains("when")) text = "if " + condition_text(transition.at("when"));
  if (transition.contains("recovery")) {
    text += (text.empty() ? "" : ", ") + transition.at("recovery").get<std::string>();
  }
  if (transition.contains("at_most")) {
    text += (text.empty() ? "" : ", ") + ("at most " + setting_text("at_most", transition.at("at_most")));
  }
  return text;
}

}  // namespace

bool is_one_value(const std::string& setting) { return setting == "when" || setting == "default"; }

std::string setting_name(const std::string& setting) {
  const words* const found = find_words(setting);
  if (found != nullptr) return std::string(found->name);
  return setting.starts_with("order.") ? "order of the " + setting.substr(6) : setting;
}

std::string setting_text(const std::string& setting, const json& value) {
  const words* const found = find_words(setting);
  switch (found == nullptr ? form::plain : found->is) {
    case form::flag:
      return value == true ? "yes" : "no";
    case form::upheld_flag:
      return value == false ? "no" : "yes";
    case form::milliseconds:
      return value.is_number_integer() ? duration_text(value) : "none";
    case form::inputs:
      return inputs_text(value);
    case form::condition:
      return value.is_null() ? "none" : condition_text(value);
    case form::limit:
      return value.is_number_integer() ? count_text(value, "time") : "any number of times";
    case form::plain:
      break;
  }
  // Any JSON may be a default; text in quotes shows its blanks, and what is a number.
  return setting == "default" && !value.is_null() ? value.dump() : plain_text(setting, value);
}

std::string transition_name(const json& transition) {
  return transition.at("from").get<std::string>() + " on " + transition.at("on").get<std::string>() + " to " +
         transition.at("to").get<std::string>();
}

std::string element_text(definition_element what, const json& element) {
  switch (what) {
    case definition_element::trigger:
      return trigger_text(element);
    case definition_element::field:
      return field_text(element);
    case definition_element::step:
      return step_text(element);
    case definition_element::transition:
      return transition_text(element);
    case definition_element::workflow:
      break;
  }
  return "";
}

}  // namespace squid_mesh::inline v1
