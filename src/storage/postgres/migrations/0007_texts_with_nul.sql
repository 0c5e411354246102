-- Texts of handlers may hold the character NUL. JSON has it, as an escape; PostgreSQL's text doesn't, and a query
-- over any row that has one would fail.
CREATE OR REPLACE VIEW @squid_mesh_attempts AS
SELECT e.run_id, e.step, row_number() OVER (PARTITION BY e.run_id, e.step ORDER BY e.seq) AS attempt,
       CASE e.kind WHEN 'step_completed' THEN 'completed'
                   WHEN 'element_completed' THEN 'completed'
                   WHEN 'attempt_lost' THEN 'lost'
                   WHEN 'attempt_interrupted' THEN 'interrupted'
                   WHEN 'attempt_discarded' THEN 'cancelled'
                   ELSE CASE WHEN d.data #>> '{error,code}' = 'timeout' THEN 'timed_out' ELSE 'failed' END END AS status,
       e.started_at, e.at AS ended_at, e.node,
       CASE WHEN e.kind IN ('step_failed', 'attempt_lost', 'attempt_discarded') THEN d.data #>> '{error,message}' END
         AS error,
       CASE WHEN e.kind <> 'step_completed' THEN (d.data #>> '{index}')::int8 END AS element
FROM @squid_mesh_events AS e
CROSS JOIN LATERAL (SELECT replace(e.data::text, E'\\u0000', E'\\ufffd')::json AS data) AS d
WHERE e.started_at IS NOT NULL;
