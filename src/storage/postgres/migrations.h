// Bringing a database up to the schema of this library.
#pragma once

#include "storage/migration.h"
#include "storage/postgres/connection.h"
#include "storage/postgres/target.h"

#include <span>
#include <string>

namespace squid_mesh::storage::postgres {

/// All of them, in order; generated from the files in `migrations/`.
std::span<const migration> all_migrations();

/// One of them as a host's own migration tool would run it, with the record that it was applied.
std::string script_of(const migration& step, const schema& tables);

/// Whether the database has the schema of this library: what is missing is applied where `apply` says so. Several
/// processes may do it at once. `schema_mismatch` for a database that is newer, or older and not to be changed, or that
/// holds tables of Oban's which can't be shared. Throws `failure`.
result<void> migrate(connection& database, const schema& tables, bool apply);

/// The version of a database's schema; 0 where there are no tables of Squid Mesh. Changes nothing. Errors: as of
/// `migrate`, and where it can't be reached.
result<int> read_version(const target& where);

}  // namespace squid_mesh::storage::postgres
