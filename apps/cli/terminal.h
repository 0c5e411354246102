// Where the command line writes to: how wide it is, whether it shows colours, and tables that fit it.
#pragma once

#include <squid_mesh/run.hpp>

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::cli {

enum class colour { none, red, green, yellow, blue, grey, bold };

/// What a place to write to is like.
struct terminal {
  std::size_t width = 0;      ///< in columns; 0: no limit
  bool has_colours = false;   ///< a terminal, unless NO_COLOR is set
  bool can_be_asked = false;  ///< somebody is there to answer
  /// Of standard error, where that is a terminal that can overwrite a line; otherwise 0: no progress is shown.
  std::size_t progress_width = 0;

  /// Of the process's standard streams.
  static terminal of_process();
  /// Too narrow for an id beside two full times.
  [[nodiscard]] bool is_narrow() const { return width > 0 && width < 110; }
  [[nodiscard]] std::string painted(std::string_view text, colour with) const;
};

/// How many columns a text takes: of UTF-8, code points.
std::size_t width_of(std::string_view text);

/// The text, or its beginning with a sign that it goes on.
std::string cut_to(const std::string& text, std::size_t width);

struct cell {
  std::string text;
  colour with = colour::none;
};

/// Rows under headings, in columns as wide as they need to be. Where they don't fit the terminal, one column is made
/// narrower, and what is too long for it is cut.
class table {
 public:
  /// `shrinks`: the index of that column.
  table(std::vector<std::string> headings, std::size_t shrinks) : headings_(std::move(headings)), shrinks_(shrinks) {}

  void add(std::vector<cell> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  void print(std::ostream& out, const terminal& on) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths(const terminal& on) const;

  std::vector<std::string> headings_;
  std::size_t shrinks_;
  std::vector<std::vector<cell>> rows_;
};

/// A status as lists show it.
cell status_cell(run_status status);
colour colour_of(step_status status);

}  // namespace squid_mesh::cli
