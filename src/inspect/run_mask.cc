#include "inspect/run_mask.h"

#include "progress/payload.h"

#include <algorithm>
#include <utility>

namespace squid_mesh {

run_mask::run_mask(const definition& workflow, const run_record& run)
    : payload_(json::parse(run.payload, nullptr, false)), secrets_(secrets_of(workflow, run.trigger, payload_)) {
  const definition::trigger* const trigger = workflow.find_trigger(run.trigger);
  if (trigger == nullptr || !payload_.is_object()) return;
  for (const definition::field& field : trigger->payload) {
    if (field.is_secret && payload_.contains(field.name)) fields_.push_back(field.name);
  }
}

json run_mask::fields(json object) const {
  for (const std::string& field : fields_) {
    if (object.contains(field) && object[field] == payload_[field]) object[field] = mask_text;
  }
  return (*this)(std::move(object));
}

json run_mask::input(const definition::step& step, json selected) const {
  for (const auto& [name, path] : step.input) {
    const std::string field = path.substr(0, path.find_first_of(".["));
    const bool is_secret = std::ranges::find(fields_, field) != fields_.end();
    if (is_secret && selected.contains(name)) selected[name] = mask_text;
  }
  return (*this)(std::move(selected));
}

}  // namespace squid_mesh
