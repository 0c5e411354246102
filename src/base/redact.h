// Masking: what is declared secret never appears in logs, errors, inspection or exports.
#pragma once

#include <squid_mesh/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::inline v1 {

/// Shown in place of a secret.
inline constexpr std::string_view mask_text = "********";

/// Knows the secret values of one run. Cheap where there are none. Safe to use from several threads.
class redactor {
 public:
  redactor() = default;

  /// Everything in `value` is secret: a scalar, or all scalars of a structure.
  void add(const json& value);

  /// The text with every secret in it masked. Secrets of fewer than four bytes are masked only where they are all
  /// there is: they would be found inside of innocent words.
  [[nodiscard]] std::string mask(std::string text) const;
  /// The value with every scalar that is a secret, and every secret inside of a text, masked.
  [[nodiscard]] json mask(json value) const;

  [[nodiscard]] bool empty() const { return texts_.empty() && numbers_.empty(); }

 private:
  void add_text(std::string text);

  std::vector<std::string> texts_;
  std::vector<json> numbers_;
};

}  // namespace squid_mesh::inline v1
