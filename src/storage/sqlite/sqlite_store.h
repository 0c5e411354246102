// The store on SQLite.
#pragma once

#include "storage/open_options.h"
#include "storage/store.h"

#include <memory>
#include <string>

namespace squid_mesh::storage::sqlite {

/// Opens or creates a database file, or a `file:` URI, in WAL mode with synchronous=FULL, and migrates it; or does
/// neither of the two, see `open_options`.
result<std::unique_ptr<store>> open_store(const std::string& path, const open_options& how = {});

/// The version of the schema of a file, which is not made where it isn't there: 0.
result<int> read_version(const std::string& path);

}  // namespace squid_mesh::storage::sqlite
