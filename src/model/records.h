// Rows as the engine sees them: runs with their journals, and jobs.
#pragma once

#include "model/fact.h"

#include <squid_mesh/ids.hpp>
#include <squid_mesh/jobs.hpp>
#include <squid_mesh/run.hpp>
#include <squid_mesh/time.hpp>

#include <optional>
#include <string>
#include <vector>

namespace squid_mesh {

/// One row of `squid_mesh_runs`: how the run began, and its projection (`job`, `status`, `ended_at`).
struct run_record {
  run_id id;
  std::string workflow;
  std::string definition;  ///< the fingerprint to which the run is pinned
  std::string trigger;
  std::string payload;  ///< JSON text, defaults filled in
  time_point started_at{};
  std::optional<job_id> job;  ///< the job that carries the run
  /// As stored. While the run's job is executing, a stored `pending` or `retrying` means `running`: beginning to run
  /// doesn't cost a row that says so.
  run_status status = run_status::pending;
  run_status shown_status = run_status::pending;  ///< with that meaning spelled out
  std::optional<time_point> ended_at;
};

/// A run with everything that happened to it.
struct journal {
  run_record run;
  std::vector<fact> facts;
};

/// One row of `oban_jobs`, its JSON columns as text.
struct job_row {
  job_id id;
  jobs::state state = jobs::state::available;
  std::string queue;
  std::string worker;
  std::string args;
  std::string meta;
  std::string tags;
  std::string errors;
  std::string attempted_by;
  std::string holder;  ///< who fetched it, and when, as stored: the same for nobody else and at no other time
  int attempt = 0;
  int max_attempts = 20;
  int priority = 0;
  time_point inserted_at{};
  time_point scheduled_at{};
  std::optional<time_point> attempted_at;
  std::optional<time_point> completed_at;
  std::optional<time_point> discarded_at;
  std::optional<time_point> cancelled_at;
};

/// A job to be inserted; validated, its JSON columns as text.
struct job_insert {
  std::string queue;
  std::string worker;
  std::string args = "{}";
  std::string meta = "{}";
  std::string tags = "[]";
  int priority = 0;
  int max_attempts = 20;
  int attempt = 0;
  std::optional<time_point> scheduled_at;  ///< unset: available at once
};

/// One process of workers.
struct node_identity {
  std::string name;
  std::string id;  ///< a uuid, new for each start
};

}  // namespace squid_mesh
