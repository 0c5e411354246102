// From a database URL to a store: the only place that knows which backends there are.
#pragma once

#include "storage/store.h"

#include <memory>
#include <string_view>

namespace squid_mesh::storage {

/// Opens `sqlite:PATH`, or a `postgresql://` URL of libpq with the parameters that `mesh_options` names where
/// wanted, and brings its schema up to date. `invalid_argument` for other URLs, `schema_mismatch` for a database that a
/// newer library has written or that is not to be migrated, `storage` or `unavailable` where it can't be opened.
result<std::unique_ptr<store>> open(std::string_view url);

}  // namespace squid_mesh::storage
