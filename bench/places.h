// Where a measurement takes place: a database of its own, which is gone afterwards.
#pragma once

#include "raw_limits.h"

#include <filesystem>
#include <memory>
#include <string>

namespace squid_mesh::bench {

class place {
 public:
  place() = default;
  place(const place&) = delete;
  place& operator=(const place&) = delete;
  virtual ~place() = default;

  /// As `mesh_options::database` wants it.
  [[nodiscard]] virtual std::string url() const = 0;
  /// Once the library has migrated it, and before anything else uses it.
  [[nodiscard]] virtual raw_limits measure_raw(const raw_amounts& amounts) const = 0;
};

/// A new file in a directory.
std::unique_ptr<place> new_sqlite_place(const std::filesystem::path& directory);

/// A new schema in a database. Its URL names none.
std::unique_ptr<place> new_postgres_place(const std::string& url);

}  // namespace squid_mesh::bench
