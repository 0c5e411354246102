// squid_mesh/detail/step_set.hpp - a set of indexes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

/// Some of a workflow's steps, or of groups of them, by their indexes.
class step_set {
 public:
  explicit constexpr step_set(std::size_t steps) : words_((steps + 63) / 64, std::uint64_t{0}) {}

  constexpr void insert(std::size_t step) { words_[step / 64] |= std::uint64_t{1} << step % 64; }
  constexpr void insert(const step_set& others) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= others.words_[i];
  }
  [[nodiscard]] constexpr bool contains(std::size_t step) const { return (words_[step / 64] >> step % 64 & 1U) != 0; }

 private:
  std::vector<std::uint64_t> words_;
};

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
