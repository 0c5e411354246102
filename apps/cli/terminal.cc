#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <ostream>

namespace squid_mesh::cli {
namespace {

constexpr std::size_t gap = 2;
/// A column that is cut says at least this much.
constexpr std::size_t narrowest = 8;
/// Of a terminal that doesn't say.
constexpr std::size_t default_width = 80;

std::string_view code_of(colour with) {
  switch (with) {
    case colour::red:
      return "\x1b[31m";
    case colour::green:
      return "\x1b[32m";
    case colour::yellow:
      return "\x1b[33m";
    case colour::blue:
      return "\x1b[34m";
    case colour::grey:
      return "\x1b[90m";
    case colour::bold:
      return "\x1b[1m";
    case colour::none:
      break;
  }
  return "";
}

bool begins_a_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

/// In columns; 0 where nobody knows.
std::size_t columns_of(int file) {
  winsize size{};
  return ioctl(file, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;  // NOLINT(*-vararg): no other way.
}

}  // namespace

terminal terminal::of_process() {
  terminal found;
  const char* const no_colours = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): nobody sets it.
  const char* const kind = std::getenv("TERM");            // NOLINT(concurrency-mt-unsafe): the same.
  const bool is_dumb = kind == nullptr || std::string_view(kind) == "dumb";
  found.can_be_asked = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
  if (isatty(STDERR_FILENO) == 1 && !is_dumb) {
    const std::size_t columns = columns_of(STDERR_FILENO);
    found.progress_width = columns == 0 ? default_width : columns;
  }
  if (isatty(STDOUT_FILENO) != 1) return found;
  found.has_colours = !is_dumb && (no_colours == nullptr || *no_colours == '\0');
  found.width = columns_of(STDOUT_FILENO);
  return found;
}

std::string terminal::painted(std::string_view text, colour with) const {
  if (!has_colours || with == colour::none) return std::string(text);
  return std::string(code_of(with)) + std::string(text) + "\x1b[0m";
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_a_character));
}

std::string cut_to(const std::string& text, std::size_t width) {
  if (width_of(text) <= width) return text;
  std::size_t columns = 0;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (begins_a_character(text[end]) && ++columns == width) break;
  }
  return text.substr(0, end) + "…";
}

std::vector<std::size_t> table::widths(const terminal& on) const {
  std::vector<std::size_t> widths;
  widths.reserve(headings_.size());
  for (const std::string& heading : headings_) widths.push_back(width_of(heading));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i].text));
  }
  const std::size_t whole = std::reduce(widths.begin(), widths.end()) + gap * (widths.size() - 1);
  if (on.width > 0 && whole > on.width) {
    const std::size_t others = whole - widths[shrinks_];
    widths[shrinks_] = std::max(narrowest, on.width > others ? on.width - others : 0);
  }
  return widths;
}

void table::print(std::ostream& out, const terminal& on) const {
  const auto columns = widths(on);
  const auto print_row = [&](const std::vector<cell>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string text = cut_to(row[i].text, columns[i]);
      out << on.painted(text, row[i].with);
      if (i + 1 < row.size()) out << std::string(columns[i] - width_of(text) + gap, ' ');
    }
    out << '\n';
  };
  std::vector<cell> headings;
  headings.reserve(headings_.size());
  for (const std::string& each : headings_) headings.push_back({each, colour::bold});
  print_row(headings);
  for (const auto& row : rows_) print_row(row);
}

cell status_cell(run_status status) {
  cell shown{.text = std::string(to_string(status))};
  switch (status) {
    case run_status::completed:
      shown.with = colour::green;
      break;
    case run_status::failed:
      shown.with = colour::red;
      break;
    case run_status::paused:
    case run_status::retrying:
      shown.with = colour::yellow;
      break;
    case run_status::running:
      shown.with = colour::blue;
      break;
    default:
      shown.with = colour::grey;
  }
  return shown;
}

colour colour_of(step_status status) {
  switch (status) {
    case step_status::completed:
      return colour::green;
    case step_status::failed:
      return colour::red;
    case step_status::running:
      return colour::blue;
    case step_status::waiting:
    case step_status::retrying:
      return colour::yellow;
    default:
      return colour::grey;
  }
}

}  // namespace squid_mesh::cli
