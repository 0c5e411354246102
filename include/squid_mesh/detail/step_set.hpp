// squid_mesh/detail/step_set.hpp - some of a workflow's steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace squid_mesh::detail {

/// Some of a workflow's steps, by their indexes.
class step_set {
 public:
  explicit constexpr step_set(std::size_t steps) : words_((steps + 63) / 64) {}

  /// Each says whether the set has grown.
  constexpr bool insert(std::size_t step) {
    const std::uint64_t before = words_[step / 64];
    words_[step / 64] |= std::uint64_t{1} << step % 64;
    return words_[step / 64] != before;
  }
  constexpr bool insert(const step_set& others) {
    bool grown = false;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const std::uint64_t before = words_[i];
      words_[i] |= others.words_[i];
      grown = grown || words_[i] != before;
    }
    return grown;
  }
  [[nodiscard]] constexpr bool contains(std::size_t step) const { return (words_[step / 64] >> step % 64 & 1U) != 0; }

 private:
  std::vector<std::uint64_t> words_;
};

}  // namespace squid_mesh::detail
