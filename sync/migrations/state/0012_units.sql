-- Memories that somebody else is in the way of, and when parked ones are tried again by themselves.

ALTER TABLE membridge.dirty ADD COLUMN blocked_since timestamptz;
COMMENT ON COLUMN membridge.dirty.blocked_since IS 'Since when every attempt met a lock, a deadlock or a cancelled statement; last_error says which';
CREATE INDEX dirty_blocked ON membridge.dirty (blocked_since) WHERE blocked_since IS NOT NULL;

-- What was parked before this migration is due at once.
ALTER TABLE membridge.parked
    ADD COLUMN next_try_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN depends_on  text[]      NOT NULL DEFAULT '{}',
    ADD COLUMN edition     text        NOT NULL DEFAULT '';
-- Exports are tried again by their next run.
UPDATE membridge.parked SET next_try_at = 'infinity' WHERE memory_id LIKE 'user/%';
COMMENT ON COLUMN membridge.parked.next_try_at IS 'When it is tried again by itself; infinity: it is being tried, or something else does so';
COMMENT ON COLUMN membridge.parked.depends_on IS 'Tables of which a row would have to change first; when the bridge writes to one, it is tried at once';
COMMENT ON COLUMN membridge.parked.edition IS 'The mappings and tables under which its next try was last decided';
CREATE INDEX parked_due ON membridge.parked (next_try_at);
CREATE INDEX parked_depends ON membridge.parked USING gin (depends_on) WHERE depends_on <> '{}';
