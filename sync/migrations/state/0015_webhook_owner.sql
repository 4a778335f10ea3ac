-- Which state database made a webhook: a copy of it finds its webhooks in here, too, and must leave them alone until it is told
-- to take over. NULL: made before this was known, and taken for this database's.
ALTER TABLE membridge.webhooks ADD COLUMN state text;
COMMENT ON COLUMN membridge.webhooks.state IS 'System identifier and database of the state that registered it';

-- Who listens for deliveries. What changed at Mem0 while nobody did is swept by itself.
CREATE TABLE membridge.listening (
    process   uuid PRIMARY KEY,
    since     timestamptz NOT NULL DEFAULT clock_timestamp(),
    beat_at   timestamptz NOT NULL
);
COMMENT ON TABLE membridge.listening IS 'Processes that take deliveries, and when each last said so';

CREATE TABLE membridge.catching_up (
    project   text COLLATE "C" PRIMARY KEY,
    reason    text        NOT NULL,
    since     timestamptz NOT NULL DEFAULT clock_timestamp(),
    run       bigint
);
COMMENT ON TABLE membridge.catching_up IS 'Projects of which a sweep is wanted, because deliveries may have been missed';
COMMENT ON COLUMN membridge.catching_up.run IS 'The run that does it; NULL: none was queued yet';
