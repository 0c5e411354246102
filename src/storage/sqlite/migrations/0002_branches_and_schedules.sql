-- What several branches of a run, idempotent starts, deadlines and cron triggers need.

ALTER TABLE squid_mesh_runs ADD COLUMN queue TEXT NOT NULL DEFAULT '';
ALTER TABLE squid_mesh_runs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE squid_mesh_runs ADD COLUMN start_key TEXT;
ALTER TABLE squid_mesh_runs ADD COLUMN deadline INTEGER;
ALTER TABLE squid_mesh_runs ADD COLUMN origin TEXT;
-- One run for each idempotency key.
CREATE UNIQUE INDEX squid_mesh_runs_start_key_index ON squid_mesh_runs (workflow, start_key)
  WHERE start_key IS NOT NULL;

-- Which job drives which of a run's several branches. A branch is called after the step with which it began; the one
-- without a name is the watch over the run's deadline.
CREATE TABLE squid_mesh_branches (
  run_id BLOB NOT NULL,
  branch TEXT NOT NULL,
  job_id INTEGER NOT NULL,
  PRIMARY KEY (run_id, branch)
) WITHOUT ROWID;

-- Cron triggers, each with the job that fires its next tick.
CREATE TABLE squid_mesh_schedules (
  workflow TEXT NOT NULL,
  trigger_name TEXT NOT NULL,
  queue TEXT NOT NULL,
  expression TEXT NOT NULL,
  timezone TEXT NOT NULL,
  next_at INTEGER NOT NULL,
  last_at INTEGER,
  last_run BLOB,
  paused_at INTEGER,
  job_id INTEGER,
  inserted_at INTEGER NOT NULL,
  PRIMARY KEY (workflow, trigger_name)
) WITHOUT ROWID;

DROP VIEW squid_mesh_run_states;
CREATE VIEW squid_mesh_run_states AS
SELECT r.id, lower(hex(r.id)) AS run_id, r.workflow, r.definition, r.trigger_name, r.payload, r.started_at, r.job_id,
       CASE WHEN r.status IN ('pending', 'retrying') AND j.state = 'executing' THEN 'running'
            WHEN r.status = 'pending' AND r.job_id IS NULL
                 AND EXISTS (SELECT 1 FROM squid_mesh_branches b JOIN oban_jobs d ON d.id = b.job_id
                             WHERE b.run_id = r.id AND b.branch <> '' AND d.state = 'executing') THEN 'running'
            ELSE r.status END AS status,
       r.status AS stored_status, r.ended_at, r.queue, r.priority, r.start_key, r.deadline, r.origin
FROM squid_mesh_runs r LEFT JOIN oban_jobs j ON j.id = r.job_id;

DROP VIEW squid_mesh_attempts;
CREATE VIEW squid_mesh_attempts AS
SELECT lower(hex(run_id)) AS run_id, step,
       row_number() OVER (PARTITION BY run_id, step ORDER BY seq) AS attempt,
       CASE kind WHEN 'step_completed' THEN 'completed'
                 WHEN 'attempt_lost' THEN 'lost'
                 WHEN 'attempt_interrupted' THEN 'interrupted'
                 WHEN 'attempt_discarded' THEN 'cancelled'
                 ELSE iif(json_extract(nullif(data, ''), '$.error.code') = 'timeout', 'timed_out', 'failed') END AS status,
       started_at, at AS ended_at, node,
       CASE WHEN kind IN ('step_failed', 'attempt_lost', 'attempt_discarded')
            THEN json_extract(nullif(data, ''), '$.error.message') END AS error
FROM squid_mesh_events
WHERE started_at IS NOT NULL;

-- Steps that have ended well, or by what somebody said. Only those that did something have an output.
DROP VIEW squid_mesh_steps;
CREATE VIEW squid_mesh_steps AS
SELECT lower(hex(run_id)) AS run_id, step, seq, at AS completed_at, iif(kind = 'step_completed', data, NULL) AS output
FROM squid_mesh_events
WHERE kind IN ('step_completed', 'gate_unblocked', 'gate_approved', 'gate_rejected', 'event_taken');
