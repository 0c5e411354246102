// From a database URL to a store: the only place that knows which backends there are.
#pragma once

#include "storage/open_options.h"
#include "storage/store.h"

#include <squid_mesh/schema.hpp>

#include <memory>
#include <string_view>
#include <vector>

namespace squid_mesh::storage {

/// Opens `sqlite:PATH`, or a `postgresql://` URL of libpq with the parameters that `mesh_options` names where
/// wanted, and brings its schema up to date where it may. `invalid_argument` for other URLs, `schema_mismatch` for a
/// database that a newer library has written or that is not to be migrated, `not_found` for a file that isn't there and
/// is not to be made, `storage` or `unavailable` where it can't be opened.
result<std::unique_ptr<store>> open(std::string_view url, const open_options& how = {});

/// As `inspect_schema` and `list_schema_migrations`.
result<schema_status> read_schema(std::string_view url);
result<std::vector<schema_migration>> list_migrations(std::string_view url);

}  // namespace squid_mesh::storage
