// The text of the statement that applies a wave of commits.
#pragma once

#include "storage/postgres/target.h"

#include <string>

namespace squid_mesh::storage::postgres {

/// The statement for waves with these parts; its parameters are those of `wave_rows`. It returns one row, all text: for
/// each commit 1 or 0 (nothing where all are trusted to get through), the ids of the jobs that were still their
/// deliveries', and the ids of all jobs to be inserted, with 0 for those of a run that did not begin.
std::string commit_text(unsigned parts, const schema& tables);

/// The channel on which everybody who shares the table tells of new available jobs.
std::string insert_channel(const schema& tables);

}  // namespace squid_mesh::storage::postgres
