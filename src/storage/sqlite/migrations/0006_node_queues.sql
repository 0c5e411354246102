-- On which queues a process works, as [{"queue", "limit", "everywhere"}]. NULL: it is of an earlier version.
ALTER TABLE squid_mesh_nodes ADD COLUMN queues TEXT;
