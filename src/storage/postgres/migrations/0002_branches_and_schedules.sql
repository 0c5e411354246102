-- What several branches of a run, idempotent starts, deadlines and cron triggers need.

ALTER TABLE @squid_mesh_runs
  ADD COLUMN queue text NOT NULL DEFAULT '',
  ADD COLUMN priority integer NOT NULL DEFAULT 0,
  ADD COLUMN start_key text,
  ADD COLUMN deadline timestamptz,
  ADD COLUMN origin json;
-- One run for each idempotency key.
CREATE UNIQUE INDEX squid_mesh_runs_start_key_index ON @squid_mesh_runs (workflow, start_key)
  WHERE start_key IS NOT NULL;

-- Which job drives which of a run's several branches. A branch is called after the step with which it began; the one
-- without a name is the watch over the run's deadline.
CREATE TABLE @squid_mesh_branches (
  run_id uuid NOT NULL,
  branch text NOT NULL,
  job_id bigint NOT NULL,
  PRIMARY KEY (run_id, branch)
);

-- Cron triggers, each with the job that fires its next tick.
CREATE TABLE @squid_mesh_schedules (
  workflow text NOT NULL,
  trigger_name text NOT NULL,
  queue text NOT NULL,
  expression text NOT NULL,
  timezone text NOT NULL,
  next_at timestamptz NOT NULL,
  last_at timestamptz,
  last_run uuid,
  paused_at timestamptz,
  job_id bigint,
  inserted_at timestamptz NOT NULL,
  PRIMARY KEY (workflow, trigger_name)
);

CREATE OR REPLACE VIEW @squid_mesh_run_states AS
SELECT r.id, r.workflow, r.definition, r.trigger_name, r.payload, r.started_at, r.job_id,
       CASE WHEN r.status IN ('pending', 'retrying') AND j.state = 'executing' THEN 'running'
            WHEN r.status = 'pending' AND r.job_id IS NULL
                 AND EXISTS (SELECT FROM @squid_mesh_branches AS b JOIN @oban_jobs AS d ON d.id = b.job_id
                             WHERE b.run_id = r.id AND b.branch <> '' AND d.state = 'executing') THEN 'running'
            ELSE r.status END AS status,
       r.status AS stored_status, r.ended_at, r.queue, r.priority, r.start_key, r.deadline, r.origin
FROM @squid_mesh_runs r LEFT JOIN @oban_jobs j ON j.id = r.job_id;

CREATE OR REPLACE VIEW @squid_mesh_attempts AS
SELECT run_id, step, row_number() OVER (PARTITION BY run_id, step ORDER BY seq) AS attempt,
       CASE kind WHEN 'step_completed' THEN 'completed'
                 WHEN 'attempt_lost' THEN 'lost'
                 WHEN 'attempt_interrupted' THEN 'interrupted'
                 WHEN 'attempt_discarded' THEN 'cancelled'
                 ELSE CASE WHEN data #>> '{error,code}' = 'timeout' THEN 'timed_out' ELSE 'failed' END END AS status,
       started_at, at AS ended_at, node,
       CASE WHEN kind IN ('step_failed', 'attempt_lost', 'attempt_discarded') THEN data #>> '{error,message}' END AS error
FROM @squid_mesh_events
WHERE started_at IS NOT NULL;

-- Steps that have ended well, or by what somebody said. Only those that did something have an output.
CREATE OR REPLACE VIEW @squid_mesh_steps AS
SELECT run_id, step, seq, at AS completed_at, CASE WHEN kind = 'step_completed' THEN data END AS output
FROM @squid_mesh_events
WHERE kind IN ('step_completed', 'gate_unblocked', 'gate_approved', 'gate_rejected', 'event_taken');
