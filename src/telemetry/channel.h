// The way from what happens to the handlers of the host: it never makes the engine wait, and never lets it fail.
#pragma once

#include <squid_mesh/log.hpp>
#include <squid_mesh/telemetry.hpp>

#include <memory>
#include <vector>

namespace squid_mesh::inline v1 {

/// Safe to use from several threads.
class telemetry_channel {
 public:
  /// A thread for each handler.
  telemetry_channel(const telemetry_handlers& handlers, log_sink log);
  telemetry_channel(const telemetry_channel&) = delete;
  telemetry_channel& operator=(const telemetry_channel&) = delete;
  /// Handlers still get what waits for them, for at most a few seconds. One that is in a call is waited for.
  ~telemetry_channel();

  /// Whether somebody listens: what nobody hears needs no saying.
  [[nodiscard]] bool is_heard() const { return !outlets_.empty(); }

  void tell(const std::vector<telemetry_event>& events);

 private:
  class outlet;

  std::vector<std::unique_ptr<outlet>> outlets_;
};

}  // namespace squid_mesh::inline v1
