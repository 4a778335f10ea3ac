-- What the bridge itself must remember. `bucket` is a hash of project and memory id and leads every key, so that claiming
-- never looks past one bucket and the tables can be distributed by it. Ids are compared byte by byte (COLLATE "C"): quicker, and no index
-- goes wrong when the operating system learns a new sort order.

CREATE TABLE membridge.deliveries (
    bucket       smallint    NOT NULL,
    id           uuid        NOT NULL,
    received_at  timestamptz NOT NULL,
    project      text COLLATE "C" NOT NULL,
    verdict      text        NOT NULL,
    source       text        NOT NULL,
    token        text        NOT NULL,
    headers      jsonb       NOT NULL,
    memories     text[]      NOT NULL,
    body         bytea       NOT NULL,
    PRIMARY KEY (bucket, id, received_at)
) PARTITION BY RANGE (received_at);
COMMENT ON TABLE membridge.deliveries IS 'Every webhook call as it arrived; partitioned by day, dropped by retention';
-- Catches what arrives while no partition of its day exists; housekeeping keeps it empty.
CREATE TABLE membridge.deliveries_default PARTITION OF membridge.deliveries DEFAULT;
CREATE INDEX deliveries_memories ON membridge.deliveries USING gin (memories);
CREATE INDEX deliveries_received ON membridge.deliveries (received_at, id);

-- Every claim takes the next number: of two workers with the same memory the later claim wins.
CREATE SEQUENCE membridge.fence;

CREATE TABLE membridge.dirty (
    bucket        smallint    NOT NULL,
    project       text COLLATE "C" NOT NULL,
    memory_id     text COLLATE "C" NOT NULL,
    generation    bigint      NOT NULL DEFAULT 1,
    first_marked  timestamptz NOT NULL DEFAULT clock_timestamp(),
    marked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts      integer     NOT NULL DEFAULT 0,
    absent_since  timestamptz,
    claimed_until timestamptz,
    fence         bigint,
    reason        text        NOT NULL,
    last_error    text,
    PRIMARY KEY (bucket, project, memory_id)
) WITH (fillfactor = 70,  -- room for claims: they change no indexed column and stay in their page
        autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
        autovacuum_analyze_scale_factor = 0.2);
COMMENT ON TABLE membridge.dirty IS 'Memories that must be read again; one row each, however many deliveries said so';
COMMENT ON COLUMN membridge.dirty.marked_at IS 'The newest delivery: a read that began later than this plus the read lag is final';
COMMENT ON COLUMN membridge.dirty.absent_since IS 'When Mem0 first answered that the memory is not there; believed only when seen again';
CREATE INDEX dirty_due ON membridge.dirty (bucket, due_at);

CREATE TABLE membridge.memories (
    bucket      smallint    NOT NULL,
    project     text COLLATE "C" NOT NULL,
    memory_id   text COLLATE "C" NOT NULL,
    record      jsonb,
    digest      text,
    updated_at  timestamptz,
    user_id     text,
    expires_on  date,
    expired     boolean     NOT NULL DEFAULT false,
    gone_at     timestamptz,
    read_at     timestamptz NOT NULL,
    applied     text,
    PRIMARY KEY (bucket, project, memory_id)
) WITH (fillfactor = 85);
COMMENT ON TABLE membridge.memories IS 'The last record read of every memory; a row with gone_at is a tombstone';
COMMENT ON COLUMN membridge.memories.applied IS 'Digest of the record and of the mappings that the target tables show; equal means nothing to do';
CREATE INDEX memories_user ON membridge.memories (project, user_id);
CREATE INDEX memories_expiry ON membridge.memories (expires_on) WHERE expires_on IS NOT NULL AND gone_at IS NULL AND NOT expired;

CREATE TABLE membridge.parked (
    project    text COLLATE "C" NOT NULL,
    memory_id  text COLLATE "C" NOT NULL,
    mapping    text COLLATE "C" NOT NULL,
    code       text        NOT NULL,
    cause      text        NOT NULL,
    hint       text        NOT NULL DEFAULT '',
    place      text        NOT NULL DEFAULT '',
    sqlstate   text        NOT NULL DEFAULT '',
    attempts   integer     NOT NULL DEFAULT 1,
    parked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    tried_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project, memory_id, mapping)
);
COMMENT ON TABLE membridge.parked IS 'Memories that cannot be applied as things stand; retried when the cause may have gone';

CREATE TABLE membridge.webhooks (
    project     text COLLATE "C" NOT NULL,
    webhook_id  text        NOT NULL,
    name        text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project, webhook_id)
);
COMMENT ON TABLE membridge.webhooks IS 'The Mem0 webhooks this deployment made and may therefore change';

CREATE TABLE membridge.tokens (
    id         uuid        NOT NULL PRIMARY KEY,
    project    text COLLATE "C" NOT NULL,
    hash       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    last_used  timestamptz
);
COMMENT ON COLUMN membridge.tokens.hash IS 'SHA-256 of the token, hex; the token itself is stored nowhere';
CREATE INDEX tokens_project ON membridge.tokens (project);
CREATE UNIQUE INDEX tokens_hash ON membridge.tokens (hash);
