// Where a measurement takes place: a database of its own, which is gone afterwards.
#pragma once

#include "raw_limits.h"

#include <squid_mesh/ids.hpp>

#include <cstddef>
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

/// A new schema in a database, whose URL names none.
class postgres_place final : public place {
 public:
  explicit postgres_place(std::string server);
  postgres_place(const postgres_place&) = delete;
  postgres_place& operator=(const postgres_place&) = delete;
  ~postgres_place() override;

  [[nodiscard]] std::string url() const override;
  [[nodiscard]] raw_limits measure_raw(const raw_amounts& amounts) const override;

  /// Copies a run that has ended, with its journal and its job, so many times: as if it had run every second, up to a
  /// second before it did. By SQL, which is faster than to work for days. Then the planner gets to know it.
  void make_past(const run_id& run, std::size_t copies) const;

 private:
  const std::string server_;
  const std::string schema_;
};

}  // namespace squid_mesh::bench
