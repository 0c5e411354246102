// squid_mesh/detail/name_index.hpp - finding names in a list, in few steps of the compiler's evaluation.
#pragma once

#include <squid_mesh/detail/text.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

/// Names by their position, duplicates included: a hash table. Refers to the texts, which must outlive it.
class name_index {
 public:
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  constexpr void add(std::string_view name) {
    if (entries_.size() == buckets_.size()) grow();
    entries_.push_back({.hash = hash_of(name), .name = name, .next = none});
    link(entries_.size() - 1);
  }

  /// The first position of a name.
  [[nodiscard]] constexpr std::size_t find(std::string_view name) const {
    if (buckets_.empty()) return none;
    const std::uint64_t hash = hash_of(name);
    return find_in_chain(buckets_[bucket_of(hash)].first, hash, name);
  }

  /// The next position of the name at a position.
  [[nodiscard]] constexpr std::size_t next(std::size_t position) const {
    const entry& e = entries_[position];
    return find_in_chain(e.next, e.hash, e.name);
  }

 private:
  struct entry {
    std::uint64_t hash;
    std::string_view name;
    std::size_t next;  ///< in the same bucket
  };
  /// The first and the last of its entries, in the order of their positions.
  struct bucket {
    std::size_t first = none;
    std::size_t last = none;
  };

  /// The compiler takes the last bytes of a text: names in a list often begin alike. Whoever writes a document could
  /// choose names that end alike, so at run time the whole text counts.
  static constexpr std::uint64_t hash_of(std::string_view text) {
    if consteval {
      constexpr std::size_t longest = sizeof(std::uint64_t);
      const char* const end = text.data() + text.size();
      const char* from = text.size() < longest ? text.data() : end - longest;
      std::uint64_t tail = 0;
      while (from != end) tail = (tail << 8U) | static_cast<unsigned char>(*from++);
      return tail;
    } else {
      return std::hash<std::string_view>()(text);
    }
  }

  [[nodiscard]] constexpr std::size_t bucket_of(std::uint64_t hash) const {
    constexpr std::uint64_t golden_ratio = 0x9E3779B97F4A7C15;
    return (hash * golden_ratio) >> 32U & (buckets_.size() - 1);
  }

  [[nodiscard]] constexpr std::size_t find_in_chain(std::size_t from, std::uint64_t hash, std::string_view name) const {
    for (std::size_t i = from; i != none; i = entries_[i].next) {
      if (entries_[i].hash == hash && same_text(entries_[i].name, name)) return i;
    }
    return none;
  }

  constexpr void link(std::size_t position) {
    bucket& b = buckets_[bucket_of(entries_[position].hash)];
    if (b.first == none) {
      b.first = position;
    } else {
      entries_[b.last].next = position;
    }
    b.last = position;
  }

  constexpr void grow() {
    const std::size_t size = buckets_.empty() ? 8 : buckets_.size() * 2;
    buckets_.assign(size, {});
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      entries_[i].next = none;
      link(i);
    }
  }

  std::vector<entry> entries_;
  std::vector<bucket> buckets_;
};

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
