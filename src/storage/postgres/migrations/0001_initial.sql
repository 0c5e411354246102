-- Oban's job table where it isn't there yet, and the tables of Squid Mesh: runs, journals, definitions, nodes.
-- An at sign before a name stands for the configured schema.

-- Oban's tables as its own migrations leave them at version 14, with the comment from which Oban reads the version.
-- Tables that are there already belong to somebody else and stay as they are.
DO $oban$
BEGIN
  IF to_regclass('@oban_jobs') IS NULL THEN
    CREATE TYPE @oban_job_state AS ENUM
      ('available', 'suspended', 'scheduled', 'executing', 'retryable', 'completed', 'discarded', 'cancelled');

    CREATE TABLE @oban_jobs (
      id bigserial PRIMARY KEY,
      state @oban_job_state NOT NULL DEFAULT 'available',
      queue text NOT NULL DEFAULT 'default',
      worker text NOT NULL,
      args jsonb NOT NULL DEFAULT '{}',
      errors jsonb[] NOT NULL DEFAULT ARRAY[]::jsonb[],
      attempt integer NOT NULL DEFAULT 0,
      max_attempts integer NOT NULL DEFAULT 20,
      inserted_at timestamp without time zone NOT NULL DEFAULT timezone('UTC', now()),
      scheduled_at timestamp without time zone NOT NULL DEFAULT timezone('UTC', now()),
      attempted_at timestamp without time zone,
      completed_at timestamp without time zone,
      attempted_by text[],
      discarded_at timestamp without time zone,
      priority integer NOT NULL DEFAULT 0,
      tags text[] DEFAULT ARRAY[]::text[],
      meta jsonb DEFAULT '{}',
      cancelled_at timestamp without time zone,
      CONSTRAINT worker_length CHECK (char_length(worker) > 0 AND char_length(worker) < 128),
      CONSTRAINT queue_length CHECK (char_length(queue) > 0 AND char_length(queue) < 128),
      CONSTRAINT positive_max_attempts CHECK (max_attempts > 0),
      CONSTRAINT attempt_range CHECK (attempt >= 0 AND attempt <= max_attempts)
    );
    ALTER TABLE @oban_jobs ADD CONSTRAINT non_negative_priority CHECK (priority >= 0) NOT VALID;
    CREATE INDEX oban_jobs_state_queue_priority_scheduled_at_id_index
      ON @oban_jobs (state, queue, priority, scheduled_at, id);
    CREATE INDEX oban_jobs_args_index ON @oban_jobs USING gin (args);
    CREATE INDEX oban_jobs_meta_index ON @oban_jobs USING gin (meta);
    CREATE INDEX oban_jobs_state_cancelled_at_index ON @oban_jobs (state, cancelled_at);
    CREATE INDEX oban_jobs_state_discarded_at_index ON @oban_jobs (state, discarded_at);

    CREATE UNLOGGED TABLE @oban_peers (
      name text PRIMARY KEY,
      node text NOT NULL,
      started_at timestamp without time zone NOT NULL,
      expires_at timestamp without time zone NOT NULL
    );

    COMMENT ON TABLE @oban_jobs IS '14';
  END IF;
END
$oban$;

-- A workflow as it was when it was added; the key is the SHA-256 of its canonical JSON.
CREATE TABLE @squid_mesh_definitions (
  fingerprint text PRIMARY KEY,
  name text NOT NULL,
  version text NOT NULL,
  document json NOT NULL,
  inserted_at timestamptz NOT NULL
);

-- How each run began, and its projection for lists. While the run's job is executing, 'pending' and 'retrying' mean
-- running: see squid_mesh_run_states.
CREATE TABLE @squid_mesh_runs (
  id uuid PRIMARY KEY,
  workflow text NOT NULL,
  definition text NOT NULL,
  trigger_name text NOT NULL,
  payload json NOT NULL,
  started_at timestamptz NOT NULL,
  job_id bigint,
  status text NOT NULL CHECK (status IN ('pending', 'running', 'retrying', 'paused', 'failed', 'completed',
                                         'cancelling', 'cancelled')),
  ended_at timestamptz,
  CHECK ((ended_at IS NOT NULL) = (status IN ('failed', 'completed', 'cancelled')))
);
CREATE INDEX squid_mesh_runs_workflow_index ON @squid_mesh_runs (workflow, id);
-- Completed runs are most of all runs and need no entry: what people look for are the others.
CREATE INDEX squid_mesh_runs_status_index ON @squid_mesh_runs (status, id) WHERE status <> 'completed';

-- The journal. The primary key is the fence: of two writers of one place, one is refused.
-- "data" is json, not jsonb: it comes back as it was written, and whatever JSON can say can be stored.
CREATE TABLE @squid_mesh_events (
  run_id uuid NOT NULL,
  seq bigint NOT NULL CHECK (seq > 0),
  kind text NOT NULL,
  step text NOT NULL,
  at timestamptz NOT NULL,
  started_at timestamptz,
  node text NOT NULL,
  data json,
  PRIMARY KEY (run_id, seq)
);

-- Processes of workers. One whose row has expired is taken for dead.
CREATE TABLE @squid_mesh_nodes (
  id text PRIMARY KEY,
  name text NOT NULL,
  started_at timestamptz NOT NULL,
  beat_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);

-- Queues from which nothing is fetched.
CREATE TABLE @squid_mesh_paused_queues (
  queue text PRIMARY KEY,
  paused_at timestamptz NOT NULL
);

-- Runs as people think of them: a run whose job is executing is running, whatever its projection still says.
CREATE VIEW @squid_mesh_run_states AS
SELECT r.id, r.workflow, r.definition, r.trigger_name, r.payload, r.started_at, r.job_id,
       CASE WHEN r.status IN ('pending', 'retrying') AND j.state = 'executing' THEN 'running' ELSE r.status END
         AS status,
       r.status AS stored_status, r.ended_at
FROM @squid_mesh_runs r LEFT JOIN @oban_jobs j ON j.id = r.job_id;

-- Attempts as people think of them, for other tools: one row for each that has ended.
CREATE VIEW @squid_mesh_attempts AS
SELECT run_id, step, row_number() OVER (PARTITION BY run_id, step ORDER BY seq) AS attempt,
       CASE kind WHEN 'step_completed' THEN 'completed'
                 WHEN 'attempt_lost' THEN 'lost'
                 WHEN 'attempt_interrupted' THEN 'interrupted'
                 ELSE CASE WHEN data #>> '{error,code}' = 'timeout' THEN 'timed_out' ELSE 'failed' END END AS status,
       started_at, at AS ended_at, node,
       CASE WHEN kind IN ('step_failed', 'attempt_lost') THEN data #>> '{error,message}' END AS error
FROM @squid_mesh_events
WHERE started_at IS NOT NULL;

-- Steps that have completed, with their outputs.
CREATE VIEW @squid_mesh_steps AS
SELECT run_id, step, seq, at AS completed_at, data AS output
FROM @squid_mesh_events
WHERE kind = 'step_completed';
