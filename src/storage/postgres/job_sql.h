// The statements about jobs, queues and nodes.
#pragma once

#include "model/records.h"
#include "storage/postgres/connection.h"
#include "storage/postgres/target.h"
#include "storage/store.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace squid_mesh::storage::postgres {

/// `job_row::holder` of a row of `oban_jobs` with this alias: who fetched it, and when.
std::string holder_of(std::string_view alias);

/// Every statement about jobs but those of commits. Each says what its parameters are.
struct job_statements {
  explicit job_statements(const schema& tables);

  statement stage;          ///< queues text[], now -> queues with available jobs as JSON, next due
  statement lock_queues;    ///< queues text[]: those whose limit holds across nodes, until the transaction ends
  statement claim;          ///< queues text[], limits int4[], limits of all nodes int4[], attempted_by jsonb text, now
  statement find_orphans;   ///< queues text[], now, limit
  statement find_claimed;   ///< queues text[], attempted_by jsonb text
  statement prune;          ///< queues text[], before, limit
  statement beat;           ///< id, name, now, expires at, queues, forgets before -> the server's clock
  statement remove_node;    ///< id
  statement find;           ///< id
  statement cancel;         ///< id, now
  statement retry;          ///< id, now
  statement not_executing;  ///< ids int8[]
  statement being_cancelled;  ///< ids int8[]
  statement of_run;           ///< run's id
  statement pause;            ///< queue, now
  statement resume;           ///< queue
};

/// One job, if there is one.
std::optional<job_row> find_job(connection& database, const job_statements& jobs, job_id id);
/// Reads what `of_run` returns: the jobs that drive a run's branches, those that are there.
std::vector<job_row> read_jobs(const rows& found);
/// Those of the given jobs that the statement names.
std::vector<job_id> ids_among(connection& database, const statement& sql, std::span<const job_id> ids);
/// The jobs that match, newest first.
std::vector<job_row> list_jobs(connection& database, const schema& tables, const jobs::job_filter& filter);

/// Reads what `claim`, `find_orphans` and `find_claimed` return: jobs with the journals of their runs.
std::vector<claimed_job> read_claimed(const rows& found);

}  // namespace squid_mesh::storage::postgres
