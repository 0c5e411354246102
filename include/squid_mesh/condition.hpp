// squid_mesh/condition.hpp - conditions on a run's context, which tell the transitions of a step apart.
//
//   {"score", sm::on::ok, "escalate", sm::greater_than("risk.score", 70)},
//   {"score", sm::on::ok, "refuse", sm::all({sm::equals("country", "NO"), sm::negate(sm::exists("waiver"))})},
//   {"score", sm::on::ok, "accept"},
#pragma once

#include <squid_mesh/detail/fixed_list.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// A constant that a value of the context is compared with: a text, a number or a boolean.
struct operand {
  enum class kind { string, integer, floating, boolean };

  kind is = kind::boolean;
  std::string_view text{};
  std::int64_t integer = 0;
  double floating = 0;
  bool boolean = false;

  constexpr operand() = default;
  constexpr operand(const char* value) : is(kind::string), text(value) {}
  constexpr operand(std::string_view value) : is(kind::string), text(value) {}
  constexpr operand(bool value) : boolean(value) {}
  constexpr operand(double value) : is(kind::floating), floating(value) {}
  constexpr operand(std::int64_t value) : is(kind::integer), integer(value) {}
  constexpr operand(int value) : operand(std::int64_t{value}) {}
};

/// What one term of a condition says. `constant` is an element of the list of `in`.
enum class term_kind { equals, not_equals, greater_than, less_than, exists, in, constant, all, any, negation };

/// `equals`, `not_equals`, `greater_than`, `less_than`, `exists`, `in`, `constant`, `all`, `any`, `not`.
std::string_view to_string(term_kind kind);

/// A term, and how many terms after it belong to it: `in`, `all`, `any` and `negation` have operands.
struct condition_term {
  term_kind is = term_kind::all;
  std::string_view path{};
  operand value{};
  std::size_t operands = 0;
};

/// A condition as its terms, each before its operands. Without terms it always holds.
///
/// A path that leads nowhere, and a value of another type, don't hold, except for `not_equals`, which is the opposite
/// of `equals`. Numbers are compared as numbers, whether they are integers or not; texts byte by byte.
struct condition {
  static constexpr std::size_t max_terms = 12;

  detail::fixed_list<condition_term, max_terms> terms{};
};

namespace detail {

/// In the order of the enumerators. They are stored with definitions: never change one.
inline constexpr std::array<std::string_view, 10> term_words{
    "equals", "not_equals", "greater_than", "less_than", "exists", "in", "constant", "all", "any", "not"};
constexpr std::string_view word_of(term_kind kind) { return term_words[static_cast<std::size_t>(kind)]; }

constexpr bool has_path(term_kind kind) {
  return kind != term_kind::constant && kind != term_kind::all && kind != term_kind::any && kind != term_kind::negation;
}
constexpr bool has_value(term_kind kind) {
  return kind != term_kind::exists && kind != term_kind::in && (has_path(kind) || kind == term_kind::constant);
}
constexpr bool combines(term_kind kind) {
  return kind == term_kind::in || kind == term_kind::all || kind == term_kind::any || kind == term_kind::negation;
}

constexpr condition one_term(term_kind kind, std::string_view path, operand value = {}) {
  return {.terms = {condition_term{.is = kind, .path = path, .value = value}}};
}

constexpr condition combined(term_kind kind, std::initializer_list<condition> parts) {
  condition whole;
  whole.terms.push_back({.is = kind, .operands = parts.size()});
  for (const condition& part : parts) {
    for (const condition_term& term : part.terms) whole.terms.push_back(term);
  }
  return whole;
}

}  // namespace detail

/// The value at `path` (`order.items[0].price`) equals the constant.
constexpr condition equals(std::string_view path, operand value) {
  return detail::one_term(term_kind::equals, path, value);
}
constexpr condition not_equals(std::string_view path, operand value) {
  return detail::one_term(term_kind::not_equals, path, value);
}
/// The value is greater: both numbers, or both texts.
constexpr condition greater_than(std::string_view path, operand value) {
  return detail::one_term(term_kind::greater_than, path, value);
}
constexpr condition less_than(std::string_view path, operand value) {
  return detail::one_term(term_kind::less_than, path, value);
}
/// There is a value at `path`, and it isn't null.
constexpr condition exists(std::string_view path) { return detail::one_term(term_kind::exists, path); }
/// The value equals one of the constants.
constexpr condition in(std::string_view path, std::initializer_list<operand> values) {
  condition whole;
  whole.terms.push_back({.is = term_kind::in, .path = path, .operands = values.size()});
  for (const operand& value : values) whole.terms.push_back({.is = term_kind::constant, .value = value});
  return whole;
}

/// Every one of them holds.
constexpr condition all(std::initializer_list<condition> parts) { return detail::combined(term_kind::all, parts); }
/// At least one of them holds.
constexpr condition any(std::initializer_list<condition> parts) { return detail::combined(term_kind::any, parts); }
/// It doesn't hold.
constexpr condition negate(const condition& part) { return detail::combined(term_kind::negation, {part}); }

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
