#include "progress/condition.h"

#include "base/json_path.h"

#include <cstddef>

namespace squid_mesh::inline v1 {
namespace {

bool is_less(const json& a, const json& b) {
  const bool comparable = (a.is_number() && b.is_number()) || (a.is_string() && b.is_string());
  return comparable && a < b;
}

/// Walks over the terms, each before its operands.
class evaluation {
 public:
  evaluation(const definition::condition& when, const json& context) : terms_(when.terms), context_(context) {}

  /// Whether the term that comes next holds. Moves past it and its operands.
  bool next() {
    const definition::condition_term& term = terms_[at_++];
    const json* const value = detail::has_path(term.is) ? find_at_path(context_, term.path) : nullptr;
    switch (term.is) {
      case term_kind::equals:
        return value != nullptr && *value == term.value;
      case term_kind::not_equals:
        return value == nullptr || *value != term.value;
      case term_kind::greater_than:
        return value != nullptr && is_less(term.value, *value);
      case term_kind::less_than:
        return value != nullptr && is_less(*value, term.value);
      case term_kind::exists:
        return value != nullptr && !value->is_null();
      case term_kind::in:
        return is_in(value, term.operands);
      case term_kind::all:
        return count(term.operands) == term.operands;
      case term_kind::any:
        return count(term.operands) > 0;
      case term_kind::negation:
        return count(term.operands) == 0;
      case term_kind::constant:
        break;
    }
    return false;
  }

 private:
  bool is_in(const json* value, std::size_t constants) {
    bool found = false;
    for (std::size_t i = 0; i < constants; ++i) {
      const definition::condition_term& constant = terms_[at_++];
      found = found || (value != nullptr && *value == constant.value);
    }
    return found;
  }

  /// How many of the next terms hold.
  std::size_t count(std::size_t operands) {
    std::size_t holding = 0;
    for (std::size_t i = 0; i < operands; ++i) {
      if (next()) ++holding;
    }
    return holding;
  }

  const std::vector<definition::condition_term>& terms_;
  const json& context_;
  std::size_t at_ = 0;
};

}  // namespace

bool holds(const definition::condition& when, const json& context) {
  return when.terms.empty() || evaluation(when, context).next();
}

}  // namespace squid_mesh::inline v1
