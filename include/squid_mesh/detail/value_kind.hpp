// squid_mesh/detail/value_kind.hpp - what the constants of a declaration are.
#pragma once

#include <squid_mesh/declaration.hpp>
#include <squid_mesh/detail/json_text.hpp>
#include <squid_mesh/detail/text.hpp>

#include <limits>
#include <string_view>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

/// What a constant of a workflow is: a default, or what a condition compares with. `invalid` is what JSON can't say: a
/// malformed text, an infinite number.
enum class value_kind { none, today, string, integer, floating, boolean, object, list, invalid };

constexpr value_kind kind_of_json_text(std::string_view text) {
  if (!is_json_text(text)) return value_kind::invalid;
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (text[start] == '{') return value_kind::object;
  if (text[start] == '[') return value_kind::list;
  if (text[start] == '"') return value_kind::string;
  if (text[start] == 't' || text[start] == 'f') return value_kind::boolean;
  if (text[start] == 'n') return value_kind::invalid;
  return text.find_first_of(".eE") == std::string_view::npos ? value_kind::integer : value_kind::floating;
}

constexpr value_kind kind_of_number(double number) {
  constexpr double largest = std::numeric_limits<double>::max();
  return number >= -largest && number <= largest ? value_kind::floating : value_kind::invalid;
}

constexpr value_kind kind_of_default(const field& f) {
  switch (f.fallback.is) {
    case field_default::kind::none:
      return value_kind::none;
    case field_default::kind::today:
      return value_kind::today;
    case field_default::kind::string:
      return is_utf8(f.fallback.text) ? value_kind::string : value_kind::invalid;
    case field_default::kind::integer:
      return value_kind::integer;
    case field_default::kind::floating:
      return kind_of_number(f.fallback.floating);
    case field_default::kind::boolean:
      return value_kind::boolean;
    case field_default::kind::json_text:
      return kind_of_json_text(f.fallback.text);
  }
  return value_kind::invalid;
}

constexpr value_kind kind_of_operand(const condition_term& term) {
  const operand& value = term.value;
  switch (value.is) {
    case operand::kind::string:
      return is_utf8(value.text) ? value_kind::string : value_kind::invalid;
    case operand::kind::integer:
      return value_kind::integer;
    case operand::kind::floating:
      return kind_of_number(value.floating);
    case operand::kind::boolean:
      return value_kind::boolean;
  }
  return value_kind::invalid;
}

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
