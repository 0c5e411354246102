#include "inspect/run_mask.h"

#include "progress/payload.h"

#include <algorithm>
#include <utility>

namespace squid_mesh::inline v1 {

run_mask::run_mask(const definition& workflow, const journal& history)
    : trigger_(history.run.trigger),
      payload_(json::parse(history.run.payload, nullptr, false)),
      secrets_(secrets_of(workflow, trigger_, payload_)) {
  const definition::trigger* const trigger = workflow.find_trigger(history.run.trigger);
  if (trigger == nullptr || !payload_.is_object()) return;
  for (const definition::field& field : trigger->payload) {
    if (field.is_secret && payload_.contains(field.name)) fields_.push_back(field.name);
  }
  if (fields_.empty()) return;
  for (const fact& each : history.facts) {
    if (each.kind == fact_kind::retry_requested) add_edited(workflow, each);
  }
}

void run_mask::add_edited(const definition& workflow, const fact& retry) {
  const json data = json::parse(retry.data, nullptr, false);
  if (!data.is_object() || !data.contains("input") || !data["input"].is_object()) return;
  for (const auto& [name, input] : data["input"].items()) {
    if (const auto step = workflow.find_step(name)) add_edited_secrets(secrets_, workflow, trigger_, *step, input);
  }
}

bool run_mask::is_secret(std::string_view field) const { return std::ranges::find(fields_, field) != fields_.end(); }

json run_mask::fields(json object) const {
  for (const std::string& field : fields_) {
    if (object.contains(field) && object[field] == payload_[field]) object[field] = mask_text;
  }
  return (*this)(std::move(object));
}

json run_mask::input(const definition::step& step, json selected) const {
  for (const auto& [name, path] : step.input) {
    const bool is_bound_to_secret = is_secret(path.substr(0, path.find_first_of(".[")));
    if (is_bound_to_secret && selected.contains(name)) selected[name] = mask_text;
  }
  return (*this)(std::move(selected));
}

}  // namespace squid_mesh::inline v1
