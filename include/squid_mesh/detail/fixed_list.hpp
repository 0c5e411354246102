// squid_mesh/detail/fixed_list.hpp - a list in place, for declarations that the compiler evaluates.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <stdexcept>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1::detail {

/// Not constexpr on purpose: reaching it while the compiler evaluates a declaration makes its name the diagnostic.
[[noreturn]] inline void declaration_list_is_longer_than_its_capacity() {
  throw std::length_error("a list of a workflow's declaration is longer than its capacity");
}

/// At most `Capacity` elements, stored in place: a declaration made of these is a constant without allocation.
template <class T, std::size_t Capacity>
class fixed_list {
 public:
  constexpr fixed_list() = default;
  constexpr fixed_list(std::initializer_list<T> elements) {
    for (const T& element : elements) push_back(element);
  }

  constexpr void push_back(const T& element) {
    if (size_ == Capacity) declaration_list_is_longer_than_its_capacity();
    elements_[size_++] = element;
  }

  [[nodiscard]] constexpr const T* begin() const { return elements_.data(); }
  [[nodiscard]] constexpr const T* end() const { return elements_.data() + size_; }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
  constexpr const T& operator[](std::size_t i) const { return elements_[i]; }

 private:
  std::array<T, Capacity> elements_{};
  std::size_t size_ = 0;
};

}  // namespace squid_mesh::inline v1::detail
#pragma GCC visibility pop
