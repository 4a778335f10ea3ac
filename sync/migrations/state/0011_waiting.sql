-- A memory that looked in vain for a row which another memory may make. Who looks for which row stands in the target's ledger.
ALTER TABLE membridge.memories ADD COLUMN waits boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN membridge.memories.waits IS 'Whether a mapping looked in vain for a row when the memory was applied last';
CREATE INDEX memories_waiting ON membridge.memories (bucket, project, memory_id) WHERE waits;
