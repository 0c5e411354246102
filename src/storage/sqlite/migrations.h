// Bringing a database file up to the schema of this library.
#pragma once

#include "storage/migration.h"
#include "storage/sqlite/connection.h"

#include <span>
#include <stdexcept>
#include <string>

namespace squid_mesh::storage::sqlite {

/// All of them, in order; generated from the files in `migrations/`.
std::span<const migration> all_migrations();

/// One of them as a host's own migration tool would run it, with the record that it was applied.
std::string script_of(const migration& step);

/// The database's schema is not the one of this library.
class schema_mismatch : public std::runtime_error {
 public:
  /// `kind`: as of an error.
  schema_mismatch(std::string kind, const std::string& message) : std::runtime_error(message), kind_(std::move(kind)) {}
  [[nodiscard]] const std::string& kind() const { return kind_; }

 private:
  std::string kind_;
};

/// 0 where there are no tables of Squid Mesh. Changes nothing.
int present_version(connection& database);

/// Applies what is missing, in one transaction; safe when several processes do it at once. Throws `schema_mismatch`
/// when the database was written by a newer version of the library.
void migrate(connection& database);

/// Throws `schema_mismatch` unless the schema is up to date.
void check_schema(connection& database);

}  // namespace squid_mesh::storage::sqlite
