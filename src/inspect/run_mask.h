// Masking the secrets of one run.
#pragma once

#include "base/redact.h"
#include "model/records.h"

#include <squid_mesh/definition.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::inline v1 {

/// Knows which fields of a run's payload are secret, and their values.
class run_mask {
 public:
  run_mask(const definition& workflow, const journal& history);

  [[nodiscard]] json operator()(json value) const { return secrets_.mask(std::move(value)); }
  [[nodiscard]] std::string operator()(std::string text) const { return secrets_.mask(std::move(text)); }

  /// Of the payload or a context: secret fields are masked whatever their type; a boolean can't be recognised by its
  /// value.
  [[nodiscard]] json fields(json object) const;

  /// Of a step's declared input: the same for everything that is bound to a secret field.
  [[nodiscard]] json input(const definition::step& step, json selected) const;

  [[nodiscard]] const json& payload() const { return payload_; }

 private:
  /// What a person has set as a step's input is as secret as what it replaces.
  void add_edited(const definition& workflow, const fact& retry);
  [[nodiscard]] bool is_secret(std::string_view field) const;

  std::string trigger_;
  json payload_;
  std::vector<std::string> fields_;
  redactor secrets_;
};

}  // namespace squid_mesh::inline v1
