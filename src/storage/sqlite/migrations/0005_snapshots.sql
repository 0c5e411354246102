-- Where a run with a long journal was after so many facts, as JSON text: whoever reads it next begins there. Never the
-- truth, which is the journal: a snapshot that can't be read is passed over.
CREATE TABLE squid_mesh_snapshots (
  run_id BLOB PRIMARY KEY,
  seq INTEGER NOT NULL,
  state TEXT NOT NULL
) WITHOUT ROWID;
