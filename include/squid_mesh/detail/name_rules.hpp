// squid_mesh/detail/name_rules.hpp - the checks of texts, names and keys, which other checks are made of.
//
// See rules.hpp for what a `Report` is.
#pragma once

#include <squid_mesh/detail/json_path.hpp>
#include <squid_mesh/detail/name_index.hpp>
#include <squid_mesh/detail/rule.hpp>
#include <squid_mesh/detail/text.hpp>

#include <cstddef>
#include <string_view>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

template <class Report>
constexpr void check_text(std::string_view text, const place& where, Report& report) {
  if (!is_utf8(text)) report.broken(rules::text_is_not_utf8, where, text);
}

template <class Report>
constexpr void check_name(std::string_view name, const place& where, Report& report) {
  if (name.empty()) report.broken(rules::name_is_empty, where, name);
  if (name.size() > 127) report.broken(rules::name_is_longer_than_127_bytes, where, name);
  if (is_printable_ascii(name)) return;
  if (has_control_character(name)) report.broken(rules::name_has_a_control_character, where, name);
  check_text(name, where, report);
}

template <class Report>
constexpr void check_plain_key(std::string_view key, const place& where, Report& report) {
  if (!is_plain_key(key)) report.broken(rules::key_has_a_dot_or_a_bracket, where, key);
}

/// A key of the context, which an input's path must be able to name.
template <class Report>
constexpr void check_key(std::string_view key, const place& where, Report& report) {
  check_name(key, where, report);
  check_plain_key(key, where, report);
}

template <class List, class Report>
constexpr void check_unique_names(const List& list, const rule& broken, const place& parent, std::string_view key,
                                  Report& report) {
  name_index names;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string_view name = list[i].name;
    if (names.find(name) != name_index::none) {
      const place element{&parent, key, i};
      report.broken(broken, {&element, "name"}, name);
    }
    names.add(name);
  }
}

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
