// squid_mesh/detail/json_text.hpp - is a text JSON, and of which kind? For defaults that the compiler checks.
#pragma once

#include <squid_mesh/detail/text.hpp>

#include <cstddef>
#include <string_view>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

/// The deepest nesting that a default may have; copying and printing JSON recurse.
inline constexpr int max_json_depth = 64;

/// Reads one JSON text (RFC 8259) without keeping anything of it.
class json_scanner {
 public:
  explicit constexpr json_scanner(std::string_view text) : rest_(text) {}

  /// Whether the whole text is one JSON value.
  constexpr bool scan() {
    skip_space();
    if (!value(0)) return false;
    skip_space();
    return rest_.empty();
  }

 private:
  [[nodiscard]] constexpr char peek() const { return rest_.empty() ? '\0' : rest_.front(); }

  constexpr bool take(char c) {
    if (peek() != c || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }

  constexpr bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  constexpr void skip_space() {
    while (take(' ') || take('\t') || take('\n') || take('\r')) {
    }
  }

  constexpr bool value(int depth) {
    if (peek() == '{' || peek() == '[') return container(depth + 1);
    if (peek() == '"') return string();
    return take("true") || take("false") || take("null") || number();
  }

  constexpr bool container(int depth) {
    if (depth > max_json_depth) return false;
    const bool is_object = peek() == '{';
    const char close = is_object ? '}' : ']';
    rest_.remove_prefix(1);
    skip_space();
    if (take(close)) return true;
    do {
      skip_space();
      if (is_object && !key()) return false;
      if (!value(depth)) return false;
      skip_space();
    } while (take(','));
    return take(close);
  }

  constexpr bool key() {
    if (!string()) return false;
    skip_space();
    if (!take(':')) return false;
    skip_space();
    return true;
  }

  constexpr bool string() {
    if (!take('"')) return false;
    while (!take('"')) {
      if (static_cast<unsigned char>(peek()) < 0x20) return false;  // Also at the end of the text.
      if (take('\\')) {
        if (!escape()) return false;
      } else {
        rest_.remove_prefix(1);
      }
    }
    return true;
  }

  constexpr bool escape() {
    if (!take('u')) {
      if (rest_.empty() || std::string_view("\"\\/bfnrt").find(peek()) == std::string_view::npos) return false;
      rest_.remove_prefix(1);
      return true;
    }
    const int unit = code_unit();
    if (unit < 0 || (unit >= 0xDC00 && unit <= 0xDFFF)) return false;
    if (unit < 0xD800 || unit > 0xDFFF) return true;
    if (!take("\\u")) return false;
    const int low = code_unit();
    return low >= 0xDC00 && low <= 0xDFFF;
  }

  /// Four hexadecimal digits; -1 where there are none.
  constexpr int code_unit() {
    int unit = 0;
    for (int i = 0; i < 4; ++i) {
      const std::size_t digit = std::string_view("0123456789abcdef0123456789ABCDEF").find(peek());
      if (rest_.empty() || digit == std::string_view::npos) return -1;
      unit = unit * 16 + static_cast<int>(digit % 16);
      rest_.remove_prefix(1);
    }
    return unit;
  }

  constexpr bool digits() {
    const std::size_t before = rest_.size();
    while (peek() >= '0' && peek() <= '9') rest_.remove_prefix(1);
    return rest_.size() < before;
  }

  constexpr bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      return digits();
    }
    return true;
  }

  std::string_view rest_;
};

/// Whether a text is one JSON value, nested at most `max_json_depth` deep.
constexpr bool is_json_text(std::string_view text) { return is_utf8(text) && json_scanner(text).scan(); }

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
