// The store on PostgreSQL 14 and newer.
#pragma once

#include "storage/postgres/target.h"
#include "storage/store.h"

#include <memory>

namespace squid_mesh::storage::postgres {

/// Opens a database and brings its schema up to date, or refuses one that isn't. Uses at most three connections: for
/// what is written, for what is read, and for notifications while a node works; each is made when it is needed, and
/// made again when it is lost.
result<std::unique_ptr<store>> open_store(const target& where);

}  // namespace squid_mesh::storage::postgres
