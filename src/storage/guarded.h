// What backends throw, as the results that the store's callers get.
#pragma once

#include <squid_mesh/error.hpp>

#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace squid_mesh::storage {

/// Runs `work`; what it throws is turned into an error by `translate`.
template <class Work, class Translate>
auto guarded(Work&& work, Translate&& translate) -> result<decltype(work())> {
  try {
    if constexpr (std::is_void_v<decltype(work())>) {
      work();
      return {};
    } else {
      return work();
    }
  } catch (const std::exception& thrown) {
    return std::unexpected<error>(translate(thrown));
  }
}

/// What was looked for, or the error that names it.
template <class T>
result<T> or_not_found(result<std::optional<T>> found, const std::string& what) {
  if (!found) return std::unexpected(std::move(found).error());
  if (!*found) return std::unexpected(error{.code = errc::not_found, .message = "there is no " + what});
  return *std::move(*found);
}

}  // namespace squid_mesh::storage
