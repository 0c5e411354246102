-- Runs that other runs have started, and attempts at the elements of lists.

ALTER TABLE squid_mesh_runs ADD COLUMN parent_id BLOB;
CREATE INDEX squid_mesh_runs_parent_index ON squid_mesh_runs (parent_id, id) WHERE parent_id IS NOT NULL;

DROP VIEW squid_mesh_attempts;
CREATE VIEW squid_mesh_attempts AS
SELECT lower(hex(run_id)) AS run_id, step,
       row_number() OVER (PARTITION BY run_id, step ORDER BY seq) AS attempt,
       CASE kind WHEN 'step_completed' THEN 'completed'
                 WHEN 'element_completed' THEN 'completed'
                 WHEN 'attempt_lost' THEN 'lost'
                 WHEN 'attempt_interrupted' THEN 'interrupted'
                 WHEN 'attempt_discarded' THEN 'cancelled'
                 ELSE iif(json_extract(nullif(data, ''), '$.error.code') = 'timeout', 'timed_out', 'failed') END AS status,
       started_at, at AS ended_at, node,
       CASE WHEN kind IN ('step_failed', 'attempt_lost', 'attempt_discarded')
            THEN json_extract(nullif(data, ''), '$.error.message') END AS error,
       CASE WHEN kind <> 'step_completed' THEN json_extract(nullif(data, ''), '$.index') END AS element
FROM squid_mesh_events
WHERE started_at IS NOT NULL;
