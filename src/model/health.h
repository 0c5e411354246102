// What is read of a database to find out what is wrong with it: samples, of bounded size.
#pragma once

#include "model/records.h"

#include <squid_mesh/ids.hpp>
#include <squid_mesh/jobs.hpp>
#include <squid_mesh/run.hpp>
#include <squid_mesh/time.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace squid_mesh::inline v1 {

struct server_health {
  std::string product;              ///< `PostgreSQL 15.8`, `SQLite 3.40.1`
  std::optional<time_point> now{};  ///< by the server's clock, if it has one of its own
  bool is_read_only = false;
};

/// How many rows a look takes in at most.
struct health_bounds {
  std::size_t runs = 1000;         ///< that haven't ended, of each status, the oldest first
  std::size_t jobs_of_one = 1000;  ///< of each queue, state and priority
  std::size_t rows = 1000;         ///< of everything else: queues, nodes, schedules
};

/// Jobs of a queue that could be fetched now.
struct due_jobs {
  std::string queue;
  std::size_t count = 0;
  bool has_more = false;  ///< there are more, which weren't counted
  time_point since{};     ///< since when the one that waits longest is due
  bool is_ours = false;   ///< jobs that carry runs or fire schedules are among them
  std::string worker;     ///< of one of them
};

/// Executing jobs of a queue that one node has fetched.
struct held_jobs {
  std::string queue;
  node_identity holder;
  std::size_t count = 0;
  time_point since{};
  bool is_ours = false;
};

/// A plain job that failed.
struct troubled_job {
  job_id id;
  jobs::state state = jobs::state::discarded;  ///< or `retryable`
  std::string queue;
  std::string worker;
  int attempt = 0;
  int max_attempts = 0;
  time_point at{};     ///< when it was discarded, or when it is tried again
  std::string errors;  ///< JSON text, a list
};

/// A run that hasn't ended.
struct live_record {
  run_id run;
  std::string workflow;
  std::string definition;
  run_status status = run_status::pending;  ///< as stored
  bool parked = false;                      ///< its last fact says that no handler was there
};

/// A branch of a run whose job was deleted, completed, cancelled or discarded.
struct lost_job {
  run_id run;
  std::string workflow;
  job_id job;
  std::optional<jobs::state> state{};  ///< none: there is no such row any more
};

struct schedule_health {
  schedule_record is;
  std::string queue;
  std::optional<job_id> job{};
  bool has_job = false;  ///< one that will be delivered
};

struct paused_queue {
  std::string queue;
  time_point since{};
};

struct health {
  std::vector<node_record> nodes;
  std::vector<due_jobs> due;
  std::vector<held_jobs> held;
  std::vector<paused_queue> paused;
  std::vector<troubled_job> troubled;
  std::vector<live_record> live;
  bool has_more_live = false;
  std::vector<lost_job> lost;  ///< of the live runs in this sample
  std::vector<schedule_health> schedules;
};

}  // namespace squid_mesh::inline v1
