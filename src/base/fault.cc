#include "base/fault.h"

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string_view>

namespace squid_mesh::fault {
namespace {

/// The number of the point at which to die; 0 for never.
long deadly_point() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment.
  const char* setting = std::getenv("SQUID_MESH_FAULT");
  constexpr std::string_view prefix = "kill:";
  const std::string_view text = setting == nullptr ? "" : setting;
  if (!text.starts_with(prefix)) return 0;
  long n = 0;
  std::from_chars(text.data() + prefix.size(), text.data() + text.size(), n);
  return n;
}

}  // namespace

void point() {
  static const long deadly = deadly_point();
  if (deadly == 0) return;
  static std::atomic<long> reached{0};
  if (++reached == deadly) std::raise(SIGKILL);
}

}  // namespace squid_mesh::fault
