// squid_mesh/log.hpp - log levels, what a line of the log says, and the host's own log.
#pragma once

#include <squid_mesh/ids.hpp>
#include <squid_mesh/json.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

enum class level { debug, info, warning, error };

/// `debug`, `info`, `warning`, `error`.
std::string_view to_string(level severity);

/// One line of the log, and what it is about, as far as that is known. What an action logs has all of it.
/// Views last as long as the call that hands it over.
struct log_record {
  level severity = level::info;
  std::string_view message;
  std::optional<run_id> run{};
  std::string_view workflow{};
  std::string_view step{};
  int attempt = 0;                       ///< of the step, or element, from 1; 0: about none
  std::optional<std::size_t> element{};  ///< of a step over a list
  const json* details = nullptr;         ///< an object that says more; null: there is none
};

/// As one line: `shop.checkout 0193... charge #2: the card was declined`, with as much of it as is known.
std::string to_text(const log_record& line);

/// Where log lines go: anything that takes a `const log_record&`, or a level and a text. Called from many threads at
/// once; must not throw, and must not call the library. <squid_mesh/structured_log.hpp> makes some.
class log_sink {
 public:
  log_sink() = default;

  template <class F>
    requires(std::invocable<F&, const log_record&> && !std::same_as<F, log_sink>)
  log_sink(F write) : write_(std::move(write)) {}

  template <class F>
    requires(std::invocable<F&, level, std::string_view> && !std::invocable<F&, const log_record&> &&
             !std::same_as<F, log_sink>)
  log_sink(F write)
      : write_([write = std::move(write)](const log_record& line) mutable { write(line.severity, to_text(line)); }) {}

  explicit operator bool() const { return static_cast<bool>(write_); }

  void operator()(const log_record& line) const { write_(line); }
  void operator()(level severity, std::string_view message) const {
    write_({.severity = severity, .message = message});
  }

 private:
  std::function<void(const log_record&)> write_;
};

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
