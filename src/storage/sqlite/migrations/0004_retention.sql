-- What deleting old runs and looking at imported ones needs.

-- A run that was imported to be looked at: nothing works on it. "routes" says which way it went, as [[seq, transition]],
-- because its conditions can't be asked again: what they look at may be masked.
ALTER TABLE squid_mesh_runs ADD COLUMN imported_at INTEGER;
ALTER TABLE squid_mesh_runs ADD COLUMN routes TEXT;

-- A workflow's ended runs in the order of their ends: what is too old, or too many, is one range of it.
CREATE INDEX squid_mesh_runs_ended_index ON squid_mesh_runs (workflow, status, ended_at, id)
  WHERE ended_at IS NOT NULL AND imported_at IS NULL;

-- An imported run doesn't stand in the way of a start under the same key.
DROP INDEX squid_mesh_runs_start_key_index;
CREATE UNIQUE INDEX squid_mesh_runs_start_key_index ON squid_mesh_runs (workflow, start_key)
  WHERE start_key IS NOT NULL AND imported_at IS NULL;

DROP VIEW squid_mesh_run_states;
CREATE VIEW squid_mesh_run_states AS
SELECT r.id, lower(hex(r.id)) AS run_id, r.workflow, r.definition, r.trigger_name, r.payload, r.started_at, r.job_id,
       CASE WHEN r.status IN ('pending', 'retrying') AND j.state = 'executing' THEN 'running'
            WHEN r.status = 'pending' AND r.job_id IS NULL
                 AND EXISTS (SELECT 1 FROM squid_mesh_branches b JOIN oban_jobs d ON d.id = b.job_id
                             WHERE b.run_id = r.id AND b.branch <> '' AND d.state = 'executing') THEN 'running'
            ELSE r.status END AS status,
       r.status AS stored_status, r.ended_at, r.queue, r.priority, r.start_key, r.deadline, r.origin,
       r.parent_id, r.imported_at, r.routes
FROM squid_mesh_runs r LEFT JOIN oban_jobs j ON j.id = r.job_id;
