// A connection that is made when it is needed, and made again when it was lost.
#pragma once

#include "storage/postgres/connection.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace squid_mesh::storage::postgres {

/// Used by one thread at a time.
class link {
 public:
  link(std::string url, purpose use) : url_(std::move(url)), use_(use) {}

  /// Throws `failure`: nothing was sent. What a lost session had still been told to do is over by the time that
  /// another takes its place, so that reading tells what became of it (not through a pooler, which hides sessions).
  connection& get();

 private:
  void connect();

  const std::string url_;
  const purpose use_;
  std::unique_ptr<connection> connection_;
  /// The last vain try: others that follow at once get the same answer.
  std::optional<failure> refusal_;
  std::chrono::steady_clock::time_point refused_at_{};
};

}  // namespace squid_mesh::storage::postgres
