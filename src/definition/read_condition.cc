#include "definition/read_condition.h"

#include <squid_mesh/detail/json_text.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace squid_mesh::inline v1 {
namespace {

using detail::place;

/// Appends the terms of one condition, each before its operands.
class condition_reader {
 public:
  explicit condition_reader(reader_state& state) : state_(state) {}

  // NOLINTNEXTLINE(misc-no-recursion): the depth is limited.
  void term(const json& value, const place& where, int depth) {
    object_reader object(value, where, state_);
    if (!value.is_object()) return;
    if (depth > detail::max_json_depth) {
      object.unreadable("condition_is_nested_too_deeply", "", "nobody would understand it");
      return;
    }
    const auto kind = what_it_says(object);
    if (!kind) return;
    const std::string_view word = detail::word_of(*kind);
    const json& said = *object.value(word);
    const std::size_t at = terms_.size();
    terms_.push_back({.is = *kind, .path = {}, .value = nullptr, .operands = 0});
    if (detail::has_path(*kind)) object.text("path", presence::required, terms_[at].path);
    if (detail::has_value(*kind)) terms_[at].value = constant(said);
    if (*kind == term_kind::exists && said != true) {
      object.unreadable("json_has_the_wrong_type", word, "this must be true; use not for the opposite");
    }
    if (*kind == term_kind::negation) {
      terms_[at].operands = 1;
      term(said, {&where, word}, depth + 1);
    } else if (detail::combines(*kind)) {
      terms_[at].operands = operands(object, *kind, depth + 1);
    }
    object.no_other_keys();
  }

  [[nodiscard]] std::vector<definition::condition_term> take() && { return std::move(terms_); }

 private:
  /// What is compared is a text, a number or a boolean; anything else could be nested without end.
  static json constant(const json& value) { return value.is_structured() ? json() : value; }

  /// The one key that says what a term is. Reports that there is none, or that there are several.
  static std::optional<term_kind> what_it_says(object_reader& object) {
    std::optional<term_kind> kind;
    for (std::size_t i = 0; i < detail::term_words.size(); ++i) {
      const std::string_view word = detail::term_words[i];
      if (static_cast<term_kind>(i) == term_kind::constant || object.value(word) == nullptr) continue;
      if (kind) {
        const std::string message =
            "a condition says one thing, and this one says " + std::string(detail::word_of(*kind));
        object.unreadable("condition_says_several_things", "", message + ", too", word);
        return std::nullopt;
      }
      kind = static_cast<term_kind>(i);
    }
    if (!kind) {
      object.unreadable("condition_says_nothing", "",
                        "a condition says equals, not_equals, greater_than, less_than, exists, in, all, any or not; "
                        "null says nothing");
    }
    return kind;
  }

  /// Reads the list of a term's operands, and returns how many there are.
  // NOLINTNEXTLINE(misc-no-recursion)
  std::size_t operands(object_reader& object, term_kind of, int depth) {
    std::vector<bool> read;
    object.list(detail::word_of(of), presence::required, read, [&](const json& each, const place& at) {
      if (of == term_kind::in) {
        terms_.push_back({.is = term_kind::constant, .path = {}, .value = constant(each), .operands = 0});
      } else {
        term(each, at, depth);
      }
      return true;
    });
    return read.size();
  }

  reader_state& state_;
  std::vector<definition::condition_term> terms_;
};

}  // namespace

definition::condition read_condition(const json& value, const place& where, reader_state& state) {
  condition_reader reader(state);
  reader.term(value, where, 0);
  return {.terms = std::move(reader).take()};
}

}  // namespace squid_mesh::inline v1
