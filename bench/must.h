// Benchmarks measure what works: anything else is thrown, and ends the program.
#pragma once

#include <squid_mesh/error.hpp>

#include <stdexcept>
#include <type_traits>
#include <utility>

namespace squid_mesh::bench {

/// The value of a result; throws its error.
template <class T>
T must(result<T> outcome) {
  if (!outcome) throw std::runtime_error(to_string(outcome.error()));
  if constexpr (!std::is_void_v<T>) return *std::move(outcome);
}

}  // namespace squid_mesh::bench
