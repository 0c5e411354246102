#include <squid_mesh/log.hpp>

#include <array>

namespace squid_mesh::inline v1 {

std::string_view to_string(level severity) {
  constexpr std::array<std::string_view, 4> names{"debug", "info", "warning", "error"};
  return names.at(static_cast<std::size_t>(severity));
}

}  // namespace squid_mesh::inline v1
