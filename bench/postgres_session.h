// A plain session of PostgreSQL, for what benchmarks do by hand.
#pragma once

#include <libpq-fe.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::bench {

/// Rows' values of one column, as an array in PostgreSQL's binary format.
class binary_array {
 public:
  enum class element : std::uint32_t { bigint = 20, text = 25, timestamptz = 1184, uuid = 2950 };
  explicit binary_array(element type);

  binary_array& add(std::string_view bytes);
  binary_array& add(std::int64_t value);
  binary_array& add(const std::array<std::uint8_t, 16>& id);

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::int32_t count_ = 0;
  std::string bytes_;
};

/// Throws std::runtime_error for whatever the server refuses.
class postgres_session {
 public:
  explicit postgres_session(const std::string& url);

  /// Statements without results or parameters.
  void execute(const std::string& sql);
  void prepare(const char* name, const char* sql);
  /// One round trip.
  void run(const char* name, const std::vector<binary_array>& arrays = {});

 private:
  struct closer {
    void operator()(PGconn* handle) const { PQfinish(handle); }
  };
  void check(PGresult* result) const;

  std::unique_ptr<PGconn, closer> handle_;
};

}  // namespace squid_mesh::bench
