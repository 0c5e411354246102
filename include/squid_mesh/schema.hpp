// squid_mesh/schema.hpp - the version of a database's schema, and the SQL that makes it.
#pragma once

#include <squid_mesh/error.hpp>

#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)
namespace squid_mesh::inline v1 {

/// One numbered step from an empty database to the schema of this library.
struct schema_migration {
  int version = 0;
  std::string name;
  /// Statements for the database's own tools, without a transaction around them: those of the step, and the record that
  /// it was applied. Whoever runs all of them, in order, has done what `mesh::open` would.
  std::string sql;
};

/// How far a database has got.
struct schema_status {
  int present = 0;                   ///< its version; 0: it has no tables of Squid Mesh
  int wanted = 0;                    ///< of this library
  std::vector<std::string> missing;  ///< the names of the steps in between, in order

  [[nodiscard]] bool is_up_to_date() const { return present == wanted; }
};

/// Looks at a database (as in `mesh_options`) and changes nothing: a SQLite file that isn't there is not made, and
/// counts as empty. Errors: as of `mesh::open`, but a schema that is older or newer is none.
result<schema_status> inspect_schema(std::string_view database);

/// All steps, in order, for the kind of database that the URL says and the schema that it names; nothing is connected
/// to. `invalid_argument` for a URL that can't be read.
result<std::vector<schema_migration>> list_schema_migrations(std::string_view database);

}  // namespace squid_mesh::inline v1
#pragma GCC visibility pop
