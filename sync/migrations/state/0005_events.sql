-- What deliveries tell, each by itself, for the mappings that count events. A dirty mark cannot stand for it: ten deliveries of one
-- memory are one mark, and ten events.

CREATE TABLE membridge.events (
    bucket      smallint    NOT NULL,
    project     text COLLATE "C" NOT NULL,
    memory_id   text COLLATE "C" NOT NULL,
    id          uuid        NOT NULL,
    delivery    uuid        NOT NULL,
    type        text        NOT NULL,
    received_at timestamptz NOT NULL,
    queued_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    parked      text[] COLLATE "C" NOT NULL DEFAULT '{}',
    PRIMARY KEY (bucket, project, memory_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE membridge.events IS 'Events that no mapping has counted yet; whoever holds the memory''s claim gives them to the mappings';
COMMENT ON COLUMN membridge.events.parked IS 'The mappings that refused it: only these are tried again';
CREATE INDEX events_parked ON membridge.events (project, memory_id) WHERE parked <> '{}';

CREATE FUNCTION membridge.accept_events(
    ids uuid[], buckets smallint[], received_at timestamptz[], projects text[], verdicts text[], sources text[], tokens text[],
    headers text[], memories text[], starts integer[], lengths integer[], bodies bytea,
    mark_ids uuid[], mark_buckets smallint[], mark_projects text[], mark_memory_ids text[],
    lock_patience text, mark_events uuid[], mark_types text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    PERFORM membridge.accept(ids, buckets, received_at, projects, verdicts, sources, tokens, headers, memories, starts, lengths, bodies,
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
END $$;
COMMENT ON FUNCTION membridge.accept_events IS 'membridge.accept, and an event for each mark that has one';
