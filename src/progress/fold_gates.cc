// What people decide at gates, and the events that steps take.
#include "progress/folding.h"

#include <utility>

namespace squid_mesh::inline v1 {

json folding::what_was_said() const {
  json said = {{"actor", data_.is_object() ? data_.value("actor", json()) : json()}, {"at", to_string(fact_.at)}};
  if (!data_.is_object()) return said;
  if (data_.contains("reason")) said["comment"] = data_["reason"];
  if (data_.contains("metadata")) said["metadata"] = data_["metadata"];
  return said;
}

json folding::gate_output(std::string_view decision) const {
  json output = what_was_said();
  output["decision"] = decision;
  return output;
}

void folding::approve(std::size_t step) {
  json output = gate_output("approved");
  if (declared(step).quorum > 1) {
    output["approvals"] = state_.steps[step].approvals;
    output["approvals"].push_back(what_was_said());
  }
  complete(step, std::move(output));
}

void folding::reject(std::size_t step, const json& output) {
  put_output(step, output);
  fail(step, on::error,
       to_json(error{.code = errc::step_failed,
                     .message = declared(step).name + " was " + output.at("decision").get<std::string>(),
                     .kind = "rejected",
                     .details = output}));
}

void folding::expire(std::size_t step) {
  if (declared(step).on_expiry == expiry::reject) return reject(step, gate_output("expired"));
  fail(step, on::error, to_json(error{.code = errc::timeout, .message = "nobody decided in time", .kind = "expired"}));
}

bool folding::take_event(std::size_t step) {
  const auto found = state_.events.find(declared(step).event);
  if (found == state_.events.end()) return false;
  json taken = std::move(found->second.front());
  found->second.pop_front();
  if (found->second.empty()) state_.events.erase(found);
  complete(step, std::move(taken));
  return true;
}

}  // namespace squid_mesh::inline v1
