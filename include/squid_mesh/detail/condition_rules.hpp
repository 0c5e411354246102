// squid_mesh/detail/condition_rules.hpp - the checks of a transition's condition.
#pragma once

#include <squid_mesh/condition.hpp>
#include <squid_mesh/detail/json_path.hpp>
#include <squid_mesh/detail/name_rules.hpp>
#include <squid_mesh/detail/rule.hpp>
#include <squid_mesh/detail/value_kind.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

/// `Condition` is `condition` or a structure whose terms have the same members. See rules.hpp for what a `Report` is.
template <class Condition, class Report>
class condition_check {
 public:
  /// `culprit`: the step whose transition has the condition.
  constexpr condition_check(const Condition& checked, std::string_view culprit, Report& told)
      : terms_(checked.terms), culprit_(culprit), report_(told) {}

  constexpr void run(const place& where) {
    if (terms_.empty()) return;
    if (!term(where) || next_ < terms_.size()) report_.broken(rules::condition_is_malformed, where, culprit_);
  }

 private:
  // Each of these checks the next term and what belongs to it. False: the terms that should be there are missing, or
  // are others.

  // NOLINTNEXTLINE(misc-no-recursion): conditions are nested, but not deeply.
  constexpr bool term(const place& where) {
    const auto& t = terms_[next_++];
    if (t.is == term_kind::constant) return false;
    if (has_path(t.is)) check_path(t.path, {&where, "path"});
    if (has_value(t.is)) check_value(t, {&where, word_of(t.is)});
    return combines(t.is) ? operands(t, where) : t.operands == 0;
  }

  template <class Term>
  // NOLINTNEXTLINE(misc-no-recursion)
  constexpr bool operands(const Term& t, const place& where) {
    const std::string_view word = word_of(t.is);
    const bool is_single = t.is == term_kind::negation;
    if (t.operands == 0) report_.broken(rules::condition_has_nothing_to_combine, {&where, word}, culprit_);
    if (t.operands > 1 && is_single) return false;
    for (std::size_t k = 0; k < t.operands; ++k) {
      if (next_ == terms_.size()) return false;
      const place here{&where, word, is_single ? std::nullopt : std::optional(k)};
      if (!(t.is == term_kind::in ? constant(here) : term(here))) return false;
    }
    return true;
  }

  constexpr bool constant(const place& where) {
    const auto& t = terms_[next_++];
    if (t.is != term_kind::constant || t.operands != 0) return false;
    check_value(t, where);
    return true;
  }

  constexpr void check_path(std::string_view path, const place& where) {
    check_text(path, where, report_);
    if (!is_json_path(path)) report_.broken(rules::condition_path_is_malformed, where, path);
  }

  /// `kind_of_operand` is found by the term's type: each form of a workflow brings its own.
  template <class Term>
  constexpr void check_value(const Term& t, const place& where) {
    const value_kind kind = kind_of_operand(t);
    const bool is_number = kind == value_kind::integer || kind == value_kind::floating;
    if (!is_number && kind != value_kind::string && kind != value_kind::boolean) {
      report_.broken(rules::condition_value_is_not_a_text_number_or_boolean, where, culprit_);
    }
    const bool is_ordering = t.is == term_kind::greater_than || t.is == term_kind::less_than;
    if (is_ordering && kind == value_kind::boolean) {
      report_.broken(rules::condition_compares_what_has_no_order, where, culprit_);
    }
  }

  const decltype(Condition::terms)& terms_;
  std::string_view culprit_;
  Report& report_;
  std::size_t next_ = 0;
};

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
