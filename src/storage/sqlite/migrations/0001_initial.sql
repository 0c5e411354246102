-- Runs, journals and definitions of Squid Mesh, and Oban's job table where it isn't there yet.
-- Instants in squid_mesh_* tables are microseconds since the Unix epoch, in UTC.

-- The shape that Oban's own migration for SQLite makes. Instants are ISO-8601 text; this engine writes microseconds.
CREATE TABLE IF NOT EXISTS oban_jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  state TEXT NOT NULL DEFAULT 'available',
  queue TEXT NOT NULL DEFAULT 'default',
  worker TEXT NOT NULL,
  args TEXT NOT NULL DEFAULT '{}',
  meta TEXT NOT NULL DEFAULT '{}',
  tags TEXT NOT NULL DEFAULT '[]',
  errors TEXT NOT NULL DEFAULT '[]',
  attempt INTEGER NOT NULL DEFAULT 0,
  max_attempts INTEGER NOT NULL DEFAULT 20,
  priority INTEGER NOT NULL DEFAULT 0,
  inserted_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
  scheduled_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
  attempted_at TEXT,
  attempted_by TEXT NOT NULL DEFAULT '[]',
  cancelled_at TEXT,
  completed_at TEXT,
  discarded_at TEXT
);
CREATE INDEX IF NOT EXISTS oban_jobs_state_queue_priority_scheduled_at_id_index
  ON oban_jobs (state, queue, priority, scheduled_at, id);

-- A workflow as it was when it was added; the key is the SHA-256 of its canonical JSON.
CREATE TABLE squid_mesh_definitions (
  fingerprint TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  document TEXT NOT NULL,
  inserted_at INTEGER NOT NULL
) WITHOUT ROWID;

-- How each run began, and its projection for lists. While the run's job is executing, 'pending' and 'retrying' mean
-- running: see squid_mesh_run_states.
CREATE TABLE squid_mesh_runs (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  workflow TEXT NOT NULL,
  definition TEXT NOT NULL,
  trigger_name TEXT NOT NULL,
  payload TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  job_id INTEGER,
  status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'retrying', 'paused', 'failed', 'completed',
                                         'cancelling', 'cancelled')),
  ended_at INTEGER,
  CHECK ((ended_at IS NOT NULL) = (status IN ('failed', 'completed', 'cancelled')))
) WITHOUT ROWID;
CREATE INDEX squid_mesh_runs_workflow_index ON squid_mesh_runs (workflow, id);
-- Completed runs are most of all runs and need no entry: what people look for are the others.
CREATE INDEX squid_mesh_runs_status_index ON squid_mesh_runs (status, id) WHERE status <> 'completed';

-- The journal. The primary key is the fence: of two writers of one place, one is refused.
CREATE TABLE squid_mesh_events (
  run_id BLOB NOT NULL,
  seq INTEGER NOT NULL CHECK (seq > 0),
  kind TEXT NOT NULL,
  step TEXT NOT NULL,
  at INTEGER NOT NULL,
  started_at INTEGER,
  node TEXT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;

-- Processes of workers. One whose row has expired is taken for dead.
CREATE TABLE squid_mesh_nodes (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  beat_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Queues from which nothing is fetched.
CREATE TABLE squid_mesh_paused_queues (
  queue TEXT PRIMARY KEY,
  paused_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Runs as people think of them: a run whose job is executing is running, whatever its projection still says.
CREATE VIEW squid_mesh_run_states AS
SELECT r.id, lower(hex(r.id)) AS run_id, r.workflow, r.definition, r.trigger_name, r.payload, r.started_at, r.job_id,
       iif(r.status IN ('pending', 'retrying') AND j.state = 'executing', 'running', r.status) AS status,
       r.status AS stored_status, r.ended_at
FROM squid_mesh_runs r LEFT JOIN oban_jobs j ON j.id = r.job_id;

-- Attempts as people think of them, for other tools: one row for each that has ended.
CREATE VIEW squid_mesh_attempts AS
SELECT lower(hex(run_id)) AS run_id, step,
       row_number() OVER (PARTITION BY run_id, step ORDER BY seq) AS attempt,
       CASE kind WHEN 'step_completed' THEN 'completed'
                 WHEN 'attempt_lost' THEN 'lost'
                 WHEN 'attempt_interrupted' THEN 'interrupted'
                 ELSE iif(json_extract(data, '$.error.code') = 'timeout', 'timed_out', 'failed') END AS status,
       started_at, at AS ended_at, node,
       CASE WHEN kind IN ('step_failed', 'attempt_lost') THEN json_extract(data, '$.error.message') END AS error
FROM squid_mesh_events
WHERE started_at IS NOT NULL;

-- Steps that have completed, with their outputs.
CREATE VIEW squid_mesh_steps AS
SELECT lower(hex(run_id)) AS run_id, step, seq, at AS completed_at, data AS output
FROM squid_mesh_events
WHERE kind = 'step_completed';
