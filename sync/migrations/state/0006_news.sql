-- Accepting tells whether it made something due, and wakes workers only then: a hundred deliveries of a memory that waits after a failure
-- were a hundred looks at a queue with nothing to do.

DROP FUNCTION membridge.accept(
    uuid[], smallint[], timestamptz[], text[], text[], text[], text[], text[], text[], integer[], integer[], bytea, uuid[], smallint[],
    text[], text[], text);

CREATE FUNCTION membridge.accept(
    ids uuid[], buckets smallint[], received_at timestamptz[], projects text[], verdicts text[], sources text[], tokens text[],
    headers text[], memories text[], starts integer[], lengths integer[], bodies bytea,
    mark_ids uuid[], mark_buckets smallint[], mark_projects text[], mark_memory_ids text[],
    lock_patience text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    idle smallint[];
    moment timestamptz;
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
        RETURN false;
    END IF;

    -- Workers are told only when a bucket goes from empty to due: not of buckets that had something due, whose workers are up, and not
    -- when all that was marked waits for its turn after failures, or is held by a worker who will look again.
    idle := ARRAY(SELECT touched.b FROM (SELECT DISTINCT b FROM unnest(mark_buckets) AS b) AS touched
                  LEFT JOIN LATERAL (SELECT true AS already FROM membridge.dirty d
                                     WHERE d.bucket = touched.b AND d.due_at <= statement_timestamp()
                                       AND (d.claimed_until IS NULL OR d.claimed_until <= statement_timestamp())
                                     ORDER BY d.due_at LIMIT 1) AS due ON true
                  WHERE due.already IS NULL);
    PERFORM membridge.mark(mark_buckets, mark_projects, mark_memory_ids, 'delivery');
    IF idle = '{}' THEN
        RETURN false;
    END IF;
    moment := clock_timestamp();
    IF EXISTS (SELECT FROM unnest(idle) AS touched(b),
                    LATERAL (SELECT FROM membridge.dirty d
                             WHERE d.bucket = touched.b AND d.due_at <= moment AND (d.claimed_until IS NULL OR d.claimed_until <= moment)
                             ORDER BY d.due_at LIMIT 1) AS due) THEN
        PERFORM pg_notify('membridge_due', '');
        RETURN true;
    END IF;
    RETURN false;
END $$;
COMMENT ON FUNCTION membridge.accept IS
    'Stores deliveries and marks their memories dirty, in the caller''s transaction; returns whether workers have something to do';

DROP FUNCTION membridge.accept_events(
    uuid[], smallint[], timestamptz[], text[], text[], text[], text[], text[], text[], integer[], integer[], bytea, uuid[], smallint[],
    text[], text[], text, uuid[], text[]);

CREATE FUNCTION membridge.accept_events(
    ids uuid[], buckets smallint[], received_at timestamptz[], projects text[], verdicts text[], sources text[], tokens text[],
    headers text[], memories text[], starts integer[], lengths integer[], bodies bytea,
    mark_ids uuid[], mark_buckets smallint[], mark_projects text[], mark_memory_ids text[],
    lock_patience text, mark_events uuid[], mark_types text[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    news boolean;
BEGIN
    news := membridge.accept(ids, buckets, received_at, projects, verdicts, sources, tokens, headers, memories, starts, lengths, bodies,
                             mark_ids, mark_buckets, mark_projects, mark_memory_ids, lock_patience);
    -- Only of deliveries that are new: those stored before, in a commit whose answer was lost, told their events then.
    INSERT INTO membridge.events (bucket, project, memory_id, id, delivery, type, received_at)
    SELECT m.bucket, m.project, m.memory_id, m.event, m.id, m.type, s.received_at
    FROM unnest(accept_events.mark_ids, accept_events.mark_buckets, accept_events.mark_projects, accept_events.mark_memory_ids,
                accept_events.mark_events, accept_events.mark_types) AS m(id, bucket, project, memory_id, event, type)
    JOIN unnest(accept_events.ids, accept_events.buckets, accept_events.received_at) AS d(id, bucket, received_at) ON d.id = m.id
    JOIN membridge.deliveries s ON s.bucket = d.bucket AND s.id = d.id AND s.received_at = d.received_at
    WHERE m.event IS NOT NULL AND s.xmin = pg_current_xact_id()::xid
    ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING;
    RETURN news;
END $$;
COMMENT ON FUNCTION membridge.accept_events IS 'membridge.accept, and an event for each mark that has one; returns whether workers have something to do';
