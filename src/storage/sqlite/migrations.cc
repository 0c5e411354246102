#include "storage/sqlite/migrations.h"

#include <string>

namespace squid_mesh::storage::sqlite {
namespace {

// A table of our own: `user_version` belongs to the host, whose database this may be.
constexpr const char* record_table =
    "CREATE TABLE IF NOT EXISTS squid_mesh_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL);\n";

int newest_version() { return all_migrations().back().version; }

void refuse_newer(int present) {
  if (present <= newest_version()) return;
  throw schema_mismatch("schema_too_new", "the database has schema version " + std::to_string(present) +
                                              ", this library knows only up to " + std::to_string(newest_version()) +
                                              ": update the program");
}

}  // namespace

std::string script_of(const migration& step) {
  return std::string(record_table) + step.sql + "\nINSERT INTO squid_mesh_migrations (version, name) VALUES (" +
         std::to_string(step.version) + ", '" + step.name + "');\n";
}

int present_version(connection& database) {
  statement table(database, {"schema_record", "SELECT 1 FROM sqlite_master WHERE name = 'squid_mesh_migrations'"});
  const bool has_record = table.next();
  table.reset();
  if (!has_record) return 0;
  statement version(database, {"schema_version", "SELECT max(version) FROM squid_mesh_migrations"});
  version.next();
  const int found = static_cast<int>(version.integer(0));
  version.reset();
  return found;
}

void migrate(connection& database) {
  transaction change(database);
  const int present = present_version(database);
  refuse_newer(present);
  if (present == newest_version()) return;
  for (const migration& next : all_migrations()) {
    if (next.version > present) database.execute(script_of(next).c_str());
  }
  change.commit();
}

void check_schema(connection& database) {
  const int present = present_version(database);
  refuse_newer(present);
  if (present == newest_version()) return;
  throw schema_mismatch(present == 0 ? "schema_missing" : "schema_too_old",
                        "the database has schema version " + std::to_string(present) + ", this library needs " +
                            std::to_string(newest_version()) + ": migrate it first");
}

}  // namespace squid_mesh::storage::sqlite
