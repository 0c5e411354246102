// Bringing a database file up to the schema of this library.
#pragma once

#include "storage/migration.h"
#include "storage/sqlite/connection.h"

#include <span>
#include <stdexcept>

namespace squid_mesh::storage::sqlite {

/// All of them, in order; generated from the files in `migrations/`.
std::span<const migration> all_migrations();

/// The database's schema is newer than this library.
class schema_too_new : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Applies what is missing, in one transaction; safe when several processes do it at once. Throws `schema_too_new` when
/// the database was written by a newer version of the library.
void migrate(connection& database);

}  // namespace squid_mesh::storage::sqlite
