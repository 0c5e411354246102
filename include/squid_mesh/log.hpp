// squid_mesh/log.hpp - log levels and the host's own log.
#pragma once

#include <functional>
#include <string_view>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

enum class level { debug, info, warning, error };

/// `debug`, `info`, `warning`, `error`.
std::string_view to_string(level severity);

/// Where log lines go. Called from many threads at once; must not throw, and must not call the library.
using log_sink = std::function<void(level severity, std::string_view message)>;

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
