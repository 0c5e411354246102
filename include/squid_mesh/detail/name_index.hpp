// squid_mesh/detail/name_index.hpp - finding names in a list, in few steps of the compiler's evaluation.
#pragma once

#include <squid_mesh/detail/text.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace squid_mesh::detail {

/// Names by their position, duplicates included. Refers to the texts, which must outlive it.
class name_index {
 public:
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  constexpr void add(std::string_view name) { entries_.push_back({.tail = tail_of(name), .name = name}); }

  /// The first position of a name at or after `from`.
  [[nodiscard]] constexpr std::size_t find(std::string_view name, std::size_t from = 0) const {
    const std::uint64_t tail = tail_of(name);
    const entry* const entries = entries_.data();
    const std::size_t size = entries_.size();
    for (std::size_t i = from; i < size; ++i) {
      if (entries[i].tail == tail && same_text(entries[i].name, name)) return i;
    }
    return none;
  }

 private:
  struct entry {
    std::uint64_t tail;
    std::string_view name;
  };

  /// The last bytes of a text. Comparing these first settles nearly every comparison: names in a list often begin
  /// alike.
  static constexpr std::uint64_t tail_of(std::string_view text) {
    constexpr std::size_t longest = sizeof(std::uint64_t);
    const std::string_view end = text.substr(text.size() < longest ? 0 : text.size() - longest);
    std::uint64_t tail = 0;
    for (const char c : end) tail = (tail << 8U) | static_cast<unsigned char>(c);
    return tail;
  }

  std::vector<entry> entries_;
};

}  // namespace squid_mesh::detail
