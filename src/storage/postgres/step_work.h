// The transaction of a transactional step on PostgreSQL.
#pragma once

#include "storage/postgres/commit_sql.h"
#include "storage/postgres/work_pool.h"
#include "storage/store.h"

#include <memory>

namespace squid_mesh::storage::postgres {

/// Begins one. Throws `failure`.
std::unique_ptr<unit_of_work> begin_work(work_pool& pool, commit_speller& speller);

}  // namespace squid_mesh::storage::postgres
