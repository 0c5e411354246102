// The store on SQLite.
#pragma once

#include "storage/store.h"

#include <memory>
#include <string>

namespace squid_mesh::storage::sqlite {

/// Opens or creates a database file, or a `file:` URI, in WAL mode with synchronous=FULL, and migrates it.
result<std::unique_ptr<store>> open_store(const std::string& path);

}  // namespace squid_mesh::storage::sqlite
