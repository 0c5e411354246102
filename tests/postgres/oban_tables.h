// Job tables as Oban's own migrations leave them, at the versions that can be shared, and as Oban for Python makes
// them.
#pragma once

#include <string>

namespace squid_mesh::testing {

/// Of version 11 to 14, in the schema that the search path names first.
inline std::string elixir_tables(int version) {
  const std::string states =
      version >= 14
          ? "'available', 'suspended', 'scheduled', 'executing', 'retryable', 'completed', 'discarded', 'cancelled'"
          : "'available', 'scheduled', 'executing', 'retryable', 'completed', 'discarded', 'cancelled'";
  std::string sql = "CREATE TYPE oban_job_state AS ENUM (" + states + R"sql();
    CREATE TABLE oban_jobs (
      id bigserial PRIMARY KEY, state oban_job_state NOT NULL DEFAULT 'available',
      queue text NOT NULL DEFAULT 'default', worker text NOT NULL, args jsonb NOT NULL DEFAULT '{}',
      errors jsonb[] NOT NULL DEFAULT ARRAY[]::jsonb[], attempt integer NOT NULL DEFAULT 0,
      max_attempts integer NOT NULL DEFAULT 20, inserted_at timestamp NOT NULL DEFAULT timezone('UTC', now()),
      scheduled_at timestamp NOT NULL DEFAULT timezone('UTC', now()), attempted_at timestamp, completed_at timestamp,
      attempted_by text[], discarded_at timestamp, priority integer NOT NULL DEFAULT 0, tags text[] DEFAULT '{}',
      meta jsonb DEFAULT '{}', cancelled_at timestamp,
      CONSTRAINT worker_length CHECK (char_length(worker) > 0 AND char_length(worker) < 128),
      CONSTRAINT queue_length CHECK (char_length(queue) > 0 AND char_length(queue) < 128),
      CONSTRAINT positive_max_attempts CHECK (max_attempts > 0),
      CONSTRAINT attempt_range CHECK (attempt BETWEEN 0 AND max_attempts));
    CREATE INDEX oban_jobs_state_queue_priority_scheduled_at_id_index
      ON oban_jobs (state, queue, priority, scheduled_at, id);
    CREATE UNLOGGED TABLE oban_peers (name text PRIMARY KEY, node text NOT NULL, started_at timestamp NOT NULL,
      expires_at timestamp NOT NULL);
    COMMENT ON TABLE oban_jobs IS ')sql" +
                    std::to_string(version) + "';";
  sql += version >= 12 ? "ALTER TABLE oban_jobs ADD CONSTRAINT non_negative_priority CHECK (priority >= 0) NOT VALID;"
                       : "ALTER TABLE oban_jobs ADD CONSTRAINT priority_range CHECK (priority BETWEEN 0 AND 3);";
  return sql;
}

inline std::string python_tables() {
  return R"sql(
    CREATE TYPE oban_job_state AS ENUM
      ('available', 'scheduled', 'executing', 'retryable', 'completed', 'discarded', 'cancelled');
    ALTER TYPE oban_job_state ADD VALUE 'suspended' AFTER 'scheduled';
    CREATE TABLE oban_jobs (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state oban_job_state NOT NULL DEFAULT 'available',
      queue text NOT NULL DEFAULT 'default' CHECK (char_length(queue) > 0),
      worker text NOT NULL CHECK (char_length(worker) > 0), attempt smallint NOT NULL DEFAULT 0,
      max_attempts smallint NOT NULL DEFAULT 20, priority smallint NOT NULL DEFAULT 0,
      args jsonb NOT NULL DEFAULT '{}', meta jsonb NOT NULL DEFAULT '{}', tags text[] NOT NULL DEFAULT '{}',
      errors jsonb NOT NULL DEFAULT '[]', attempted_by text[] NOT NULL DEFAULT '{}',
      inserted_at timestamp NOT NULL DEFAULT timezone('UTC', now()),
      scheduled_at timestamp NOT NULL DEFAULT timezone('UTC', now()), attempted_at timestamp, completed_at timestamp,
      cancelled_at timestamp, discarded_at timestamp,
      CONSTRAINT attempt_range CHECK (attempt BETWEEN 0 AND max_attempts));)sql";
}

}  // namespace squid_mesh::testing
