#include "base/redact.h"

#include <algorithm>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

constexpr std::size_t shortest_part = 4;

void replace_all(std::string& text, const std::string& secret) {
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + mask_text.size())) {
    text.replace(at, secret.size(), mask_text);
  }
}

}  // namespace

void redactor::add(const json& value) {
  if (value.is_structured()) {
    for (const json& element : value) add(element);
  } else if (value.is_string() && !value.get_ref<const std::string&>().empty()) {
    add_text(value.get<std::string>());
  } else if (value.is_number()) {
    numbers_.push_back(value);
    if (std::string digits = value.dump(); digits.size() >= shortest_part) add_text(std::move(digits));
  }
}

void redactor::add_text(std::string text) {
  texts_.push_back(std::move(text));
  // The longest first: one secret may be a part of another.
  std::ranges::sort(texts_, std::ranges::greater{}, &std::string::size);
}

std::string redactor::mask(std::string text) const {
  for (const std::string& secret : texts_) {
    if (text == secret) return std::string(mask_text);
    if (secret.size() >= shortest_part) replace_all(text, secret);
  }
  return text;
}

json redactor::mask(json value) const {
  if (empty()) return value;
  if (value.is_object()) {
    json masked = json::object();
    for (const auto& [key, element] : value.items()) masked[mask(key)] = mask(std::move(element));
    return masked;
  }
  if (value.is_array()) {
    for (json& element : value) element = mask(std::move(element));
  } else if (value.is_string()) {
    value = mask(value.get<std::string>());
  } else if (value.is_number() && std::ranges::find(numbers_, value) != numbers_.end()) {
    value = mask_text;
  }
  return value;
}

}  // namespace squid_mesh::inline v1
