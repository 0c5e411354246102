// squid_mesh/detail/cron_expression.hpp - reading cron expressions, while compiling and at run time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>
#include <utility>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

/// When a schedule fires, as sets: bit n stands for the value n.
struct cron_expression {
  std::uint64_t minutes = 0;   ///< 0 to 59
  std::uint64_t hours = 0;     ///< 0 to 23
  std::uint64_t days = 0;      ///< of the month, 1 to 31
  std::uint64_t months = 0;    ///< 1 to 12
  std::uint64_t weekdays = 0;  ///< 0 to 6, 0 is Sunday
  /// Whether the field begins with `*`. Cron fires on days that either day field names, unless one of them is free.
  /// Hours that are free make an interval, which goes by real time where clocks change; others make times of the day.
  bool any_hour = false;
  bool any_day = false;
  bool any_weekday = false;

  bool operator==(const cron_expression&) const = default;
};

/// Why a text is not a cron expression.
struct cron_fault {
  std::string_view field;   ///< `minute`, `hour`, `day`, `month`, `weekday`; empty where it is the whole
  std::string_view reason;  ///< a static text

  bool operator==(const cron_fault&) const = default;
};

/// What one of the five fields may say.
struct cron_field {
  std::string_view name;
  unsigned min = 0;
  unsigned max = 0;
  std::span<const std::string_view> words{};  ///< names of the values from `min` on
};

inline constexpr std::array<std::string_view, 12> cron_month_words{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                                   "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
inline constexpr std::array<std::string_view, 7> cron_weekday_words{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};
inline constexpr std::array<cron_field, 5> cron_fields{{
    {"minute", 0, 59},
    {"hour", 0, 23},
    {"day", 1, 31},
    {"month", 1, 12, cron_month_words},
    {"weekday", 0, 6, cron_weekday_words},
}};
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 7> cron_nicknames{{
    {"@hourly", "0 * * * *"},
    {"@daily", "0 0 * * *"},
    {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"},
    {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
}};

constexpr char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_upper(a[i]) != to_upper(b[i])) return false;
  }
  return true;
}

/// Reads one of the five fields.
class cron_field_parser {
 public:
  explicit constexpr cron_field_parser(const cron_field& field) : field_(field) {}

  /// A list of parts with commas between, as a set of values.
  [[nodiscard]] constexpr std::expected<std::uint64_t, cron_fault> parse(std::string_view text) const {
    std::uint64_t values = 0;
    while (true) {
      const std::size_t comma = text.find(',');
      const auto more = part(text.substr(0, comma));
      if (!more) return more;
      values |= *more;
      if (comma == std::string_view::npos) return values;
      text.remove_prefix(comma + 1);
    }
  }

 private:
  [[nodiscard]] constexpr std::unexpected<cron_fault> fault(std::string_view reason) const {
    return std::unexpected(cron_fault{field_.name, reason});
  }

  [[nodiscard]] constexpr bool is_weekday() const { return field_.max == 6; }

  /// `*`, `a`, `a-b`, each with `/n` or without.
  [[nodiscard]] constexpr std::expected<std::uint64_t, cron_fault> part(std::string_view text) const {
    if (text.empty()) return fault("a value is missing");
    const std::size_t slash = text.find('/');
    const bool has_step = slash != std::string_view::npos;
    unsigned step = 1;
    if (has_step) {
      const auto number = decimal(text.substr(slash + 1));
      if (!number) return std::unexpected(number.error());
      step = *number;
      if (step == 0) return fault("a step must be at least 1");
      if (step > field_.max - field_.min + 1) return fault("a step is longer than the field's range");
    }
    const auto bounds = range(text.substr(0, slash), has_step);
    if (!bounds) return std::unexpected(bounds.error());
    std::uint64_t values = 0;
    for (unsigned at = bounds->first; at <= bounds->second; at += step) {
      values |= std::uint64_t{1} << (is_weekday() ? at % 7 : at);
    }
    return values;
  }

  /// The first and the last value of a part. With a step, a single value means from there to the end of the field.
  [[nodiscard]] constexpr std::expected<std::pair<unsigned, unsigned>, cron_fault> range(std::string_view text,
                                                                                         bool has_step) const {
    if (text == "*") return std::pair{field_.min, field_.max};
    const std::size_t dash = text.find('-');
    const auto first = value(text.substr(0, dash));
    if (!first) return std::unexpected(first.error());
    if (dash == std::string_view::npos) return std::pair{*first, has_step && *first < field_.max ? field_.max : *first};
    auto last = value(text.substr(dash + 1));
    if (!last) return std::unexpected(last.error());
    // Sunday ends the week as well as it begins it: FRI-SUN.
    if (is_weekday() && *last == 0 && *first > 0) *last = 7;
    if (*last < *first) return fault("a range ends before it begins");
    return std::pair{*first, *last};
  }

  /// A number or a name.
  [[nodiscard]] constexpr std::expected<unsigned, cron_fault> value(std::string_view text) const {
    for (std::size_t i = 0; i < field_.words.size(); ++i) {
      if (equal_ignoring_case(text, field_.words[i])) return field_.min + static_cast<unsigned>(i);
    }
    const auto number = decimal(text);
    if (!number) return number;
    if (*number < field_.min || *number > (is_weekday() ? 7 : field_.max)) return fault("a value is out of range");
    return number;
  }

  [[nodiscard]] constexpr std::expected<unsigned, cron_fault> decimal(std::string_view text) const {
    if (text.empty()) return fault("a number is missing");
    unsigned number = 0;
    for (const char c : text) {
      if (c < '0' || c > '9') return fault("a value is neither a number nor a known name");
      number = number * 10 + static_cast<unsigned>(c - '0');
      if (number > 999) return fault("a value is out of range");
    }
    return number;
  }

  const cron_field& field_;
};

/// Whether any month of the expression has one of its days: the 30th of February never comes.
constexpr bool cron_has_a_date(const cron_expression& e) {
  constexpr std::array<unsigned, 12> longest{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (unsigned month = 1; month <= 12; ++month) {
    const std::uint64_t days_of_month = (std::uint64_t{2} << longest[month - 1]) - 2;
    if ((e.months >> month & 1U) != 0 && (e.days & days_of_month) != 0) return true;
  }
  return false;
}

/// Splits off the next field; empty at the end.
constexpr std::string_view take_cron_field(std::string_view& rest) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
  std::size_t end = 0;
  while (end < rest.size() && !is_space(rest[end])) ++end;
  const std::string_view field = rest.substr(0, end);
  rest.remove_prefix(end);
  return field;
}

/// Reads `minute hour day month weekday`, or a nickname such as `@daily`. A field is a list of `*`, `a`, `a-b`, `*/n`,
/// `a/n` and `a-b/n`; months and weekdays have English three-letter names, in any case; Sunday is 0 and 7.
constexpr std::expected<cron_expression, cron_fault> parse_cron(std::string_view text) {
  std::string_view rest = text;
  std::string_view field_text = take_cron_field(rest);
  if (field_text.starts_with('@')) {
    if (!take_cron_field(rest).empty()) return std::unexpected(cron_fault{"", "a nickname stands alone"});
    for (const auto& [nickname, meaning] : cron_nicknames) {
      if (equal_ignoring_case(field_text, nickname)) return parse_cron(meaning);
    }
    return std::unexpected(cron_fault{"", "the nickname is unknown"});
  }
  cron_expression e;
  const std::array<std::uint64_t*, 5> sets{&e.minutes, &e.hours, &e.days, &e.months, &e.weekdays};
  for (std::size_t i = 0; i < cron_fields.size(); ++i) {
    if (field_text.empty()) return std::unexpected(cron_fault{cron_fields[i].name, "the field is missing"});
    const auto values = cron_field_parser(cron_fields[i]).parse(field_text);
    if (!values) return std::unexpected(values.error());
    *sets[i] = *values;
    if (i == 1) e.any_hour = field_text.starts_with('*');
    if (i == 2) e.any_day = field_text.starts_with('*');
    if (i == 4) e.any_weekday = field_text.starts_with('*');
    field_text = take_cron_field(rest);
  }
  if (!field_text.empty()) return std::unexpected(cron_fault{"", "there are more than five fields"});
  if (e.any_weekday && !cron_has_a_date(e)) return std::unexpected(cron_fault{"day", "no month has such a day"});
  return e;
}

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
