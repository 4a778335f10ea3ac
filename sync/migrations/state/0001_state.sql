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

-- Marking and accepting are functions for the sake of their plans, which a server connection keeps while poolers forbid prepared
-- statements: planning costs a quarter of accepting a small batch. The plans are made for any size of table; without sequential
-- scans, or one made while the queue was empty would read all of it when it is full.

CREATE FUNCTION membridge.mark(buckets smallint[], projects text[], memory_ids text[], reason text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    marked bigint;
BEGIN
    -- In order, so that two markers never deadlock. A memory that is marked already:
    -- its generation moves on, so that a claim under way cannot end the mark;
    -- what waits is due no later than now, except that a memory backing off after failures keeps its turn, or a hundred deliveries
    -- would be a hundred attempts against something that is down (a person who asks, `manual`, need not wait);
    -- the reason that asks for more wins: a `reproject`, which may make do with the mirror, must not hide a `delivery`.
    INSERT INTO membridge.dirty AS d (bucket, project, memory_id, reason)
    SELECT DISTINCT m.bucket, m.project COLLATE "C", m.memory_id COLLATE "C", mark.reason
    FROM unnest(mark.buckets, mark.projects, mark.memory_ids) AS m(bucket, project, memory_id)
    ORDER BY 1, 2, 3
    ON CONFLICT (bucket, project, memory_id) DO UPDATE SET
        generation = d.generation + 1,
        marked_at = clock_timestamp(),
        due_at = CASE WHEN d.attempts > 0 AND excluded.reason <> 'manual' THEN d.due_at ELSE least(d.due_at, excluded.due_at) END,
        reason = CASE WHEN array_position('{reproject,expiry,sweep,delivery,manual}'::text[], excluded.reason)
                           < array_position('{reproject,expiry,sweep,delivery,manual}'::text[], d.reason)
                      THEN d.reason ELSE excluded.reason END;
    GET DIAGNOSTICS marked = ROW_COUNT;
    RETURN marked;
END $$;
COMMENT ON FUNCTION membridge.mark IS 'Marks memories dirty, once each; returns how many';

CREATE FUNCTION membridge.accept(
    ids uuid[], buckets smallint[], received_at timestamptz[], projects text[], verdicts text[], sources text[], tokens text[],
    headers text[], memories text[], starts integer[], lengths integer[], bodies bytea,
    mark_ids uuid[], mark_buckets smallint[], mark_projects text[], mark_memory_ids text[],
    lock_patience text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    news boolean;
    stored bigint;
BEGIN
    PERFORM set_config('lock_timeout', lock_patience, true);
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    -- All bodies are one bytea, cut by start and length: that is parsed once, where an array of bytea is escaped and unescaped twice.
    INSERT INTO membridge.deliveries (bucket, id, received_at, project, verdict, source, token, headers, memories, body)
    SELECT d.bucket, d.id, d.received_at, d.project, d.verdict, d.source, d.token, d.headers::jsonb, d.memories::text[],
           substring(accept.bodies FROM d.start FOR d.length)
    FROM unnest(accept.ids, accept.buckets, accept.received_at, accept.projects, accept.verdicts, accept.sources, accept.tokens,
                accept.headers, accept.memories, accept.starts, accept.lengths)
         AS d(id, bucket, received_at, project, verdict, source, token, headers, memories, start, length)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS stored = ROW_COUNT;
    IF stored < cardinality(accept.ids) THEN
        -- Some were here before, in a commit whose answer was lost: only what is new marks.
        SELECT array_agg(m.id), array_agg(m.bucket), array_agg(m.project), array_agg(m.memory_id)
        INTO mark_ids, mark_buckets, mark_projects, mark_memory_ids
        FROM unnest(accept.mark_ids, accept.mark_buckets, accept.mark_projects, accept.mark_memory_ids) AS m(id, bucket, project, memory_id)
        WHERE EXISTS (SELECT FROM unnest(accept.ids, accept.buckets) AS d(id, bucket)
                      JOIN membridge.deliveries s ON s.bucket = d.bucket AND s.id = d.id
                      WHERE d.id = m.id AND s.xmin = pg_current_xact_id()::xid);
    END IF;
    IF mark_ids IS NULL OR cardinality(mark_ids) = 0 THEN
        RETURN;
    END IF;

    -- Others are told only when a bucket goes from empty to due.
    news := EXISTS (SELECT FROM (SELECT DISTINCT b FROM unnest(mark_buckets) AS b) AS touched
                    LEFT JOIN LATERAL (SELECT true AS already FROM membridge.dirty d
                                       WHERE d.bucket = touched.b AND d.due_at <= statement_timestamp()
                                         AND (d.claimed_until IS NULL OR d.claimed_until <= statement_timestamp())
                                       ORDER BY d.due_at LIMIT 1) AS due ON true
                    WHERE due.already IS NULL);
    PERFORM membridge.mark(mark_buckets, mark_projects, mark_memory_ids, 'delivery');
    IF news THEN
        PERFORM pg_notify('membridge_due', '');
    END IF;
END $$;
COMMENT ON FUNCTION membridge.accept IS 'Stores deliveries and marks their memories dirty, in the caller''s transaction';
