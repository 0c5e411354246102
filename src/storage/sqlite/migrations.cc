#include "storage/sqlite/migrations.h"

#include <string>

namespace squid_mesh::storage::sqlite {
namespace {

int present_version(connection& database) {
  statement version(database, {"schema_version", "SELECT max(version) FROM squid_mesh_migrations"});
  version.next();
  const int found = static_cast<int>(version.integer(0));
  version.reset();
  return found;
}

}  // namespace

void migrate(connection& database) {
  transaction change(database);
  // A table of our own: `user_version` belongs to the host, whose database this may be.
  database.execute(
      "CREATE TABLE IF NOT EXISTS squid_mesh_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL)");
  const int present = present_version(database);
  const int newest = all_migrations().back().version;
  if (present > newest) {
    throw schema_too_new("the database has schema version " + std::to_string(present) +
                         ", this library knows only up to " + std::to_string(newest) + ": update the program");
  }
  if (present == newest) return;
  for (const migration& next : all_migrations()) {
    if (next.version <= present) continue;
    database.execute(next.sql);
    statement(database, {"record_migration", "INSERT INTO squid_mesh_migrations (version, name) VALUES (?1, ?2)"})
        .bind(1, next.version)
        .bind(2, next.name)
        .run();
  }
  change.commit();
}

}  // namespace squid_mesh::storage::sqlite
