#include "definition/draft.h"

#include <cstdint>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

detail::value_kind kind_of_json(const json& value) {
  using detail::value_kind;
  switch (value.type()) {
    case json::value_t::string:
      return detail::is_utf8(value.get_ref<const std::string&>()) ? value_kind::string : value_kind::invalid;
    case json::value_t::number_integer:
      return value_kind::integer;
    case json::value_t::number_unsigned:
      return std::in_range<std::int64_t>(value.get<std::uint64_t>()) ? value_kind::integer : value_kind::floating;
    case json::value_t::number_float:
      return detail::kind_of_number(value.get<double>());
    case json::value_t::boolean:
      return value_kind::boolean;
    case json::value_t::object:
      return value_kind::object;
    case json::value_t::array:
      return value_kind::list;
    default:
      return value_kind::invalid;
  }
}

}  // namespace

detail::value_kind kind_of_default(const definition::field& f) {
  if (f.is_today) return detail::value_kind::today;
  return f.fallback ? kind_of_json(*f.fallback) : detail::value_kind::none;
}

detail::value_kind kind_of_operand(const definition::condition_term& term) { return kind_of_json(term.value); }

}  // namespace squid_mesh::inline v1
