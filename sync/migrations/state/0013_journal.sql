-- Deliveries become a journal: storing them is one append that waits for nobody, and marks and events are made of them afterwards, by a fold
-- that remembers in a snapshot which transactions it has seen. What was stored before this has its marks and events already: its xid is NULL.

ALTER TABLE membridge.deliveries ADD COLUMN xid xid8;
ALTER TABLE membridge.deliveries ALTER COLUMN xid SET DEFAULT pg_current_xact_id();
ALTER TABLE membridge.deliveries ADD COLUMN buckets smallint[];
ALTER TABLE membridge.deliveries ADD COLUMN told text[];
ALTER TABLE membridge.deliveries ADD COLUMN events uuid[];
COMMENT ON COLUMN membridge.deliveries.xid IS 'The transaction that stored it; NULL: marks and events were made of it before there was a fold';
COMMENT ON COLUMN membridge.deliveries.buckets IS 'Of each of its memories';
COMMENT ON COLUMN membridge.deliveries.told IS 'What it tells of each of its memories: ADD, UPDATE and so on, then a hash of what it announces, where there is one';
COMMENT ON COLUMN membridge.deliveries.events IS 'Ids of the events it is to the mappings that count events; NULL: the project has none';

ALTER TABLE membridge.deliveries DROP CONSTRAINT deliveries_pkey;
ALTER TABLE membridge.deliveries DROP COLUMN bucket;
DROP INDEX membridge.deliveries_memories;  -- one per day, made when the day is over: see membridge.deliveries_YYYYMMDD_memories

-- Partitions of days that may still get deliveries are found by xid. Those of days that are over keep their rows and are never searched by
-- the fold; nothing is stored in them any more, since a delivery whose clock is days behind is stored on the first day of the journal.
DO $$
DECLARE
    first_day date := (clock_timestamp() AT TIME ZONE 'UTC')::date - 1;
    waiting_day date;
    part record;
BEGIN
    ALTER TABLE membridge.deliveries DETACH PARTITION membridge.deliveries_default;
    FOR waiting_day IN SELECT DISTINCT (received_at AT TIME ZONE 'UTC')::date FROM membridge.deliveries_default LOOP
        EXECUTE format('CREATE TABLE membridge.%I (LIKE membridge.deliveries INCLUDING ALL)', 'deliveries_' || to_char(waiting_day, 'YYYYMMDD'));
        EXECUTE format('INSERT INTO membridge.%I (id, received_at, project, verdict, source, token, headers, memories, body, xid) '
                       'SELECT id, received_at, project, verdict, source, token, headers, memories, body, NULL FROM membridge.deliveries_default '
                       'WHERE (received_at AT TIME ZONE ''UTC'')::date = %L', 'deliveries_' || to_char(waiting_day, 'YYYYMMDD'), waiting_day);
        EXECUTE format('ALTER TABLE membridge.deliveries ATTACH PARTITION membridge.%I FOR VALUES FROM (%L) TO (%L)',
                       'deliveries_' || to_char(waiting_day, 'YYYYMMDD'), waiting_day || ' 00:00+00', (waiting_day + 1) || ' 00:00+00');
    END LOOP;
    DROP TABLE membridge.deliveries_default;

    FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'membridge.deliveries'::regclass LOOP
        EXECUTE format('ALTER TABLE membridge.%I REPLICA IDENTITY FULL', part.relname);
        IF part.relname >= 'deliveries_' || to_char(first_day, 'YYYYMMDD') THEN
            EXECUTE format('CREATE INDEX %I ON membridge.%I (xid)', part.relname || '_xid', part.relname);
        END IF;
    END LOOP;
    EXECUTE format('CREATE FUNCTION membridge.journal_begin() RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $f$ SELECT timestamptz %L $f$',
                   CASE WHEN EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'membridge.deliveries'::regclass
                                     AND c.relname < 'deliveries_' || to_char(first_day, 'YYYYMMDD'))
                        THEN first_day || ' 00:00+00' ELSE '-infinity' END);
END $$;
COMMENT ON FUNCTION membridge.journal_begin IS 'From where on days have an index by xid: older ones were stored before there was a fold';
ALTER TABLE membridge.deliveries REPLICA IDENTITY FULL;
COMMENT ON TABLE membridge.deliveries IS 'Every webhook call as it arrived, append-only; partitioned by day, dropped by retention once folded';

CREATE TABLE membridge.fold (
    single     boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (single),
    snapshot   text,
    server     text,
    folded_at  timestamptz,
    anew_after timestamptz,
    anew_id    uuid
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100, autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE membridge.fold IS 'How far marks and events were made of the journal; whoever makes them locks the row';
COMMENT ON COLUMN membridge.fold.snapshot IS 'A pg_snapshot: what is visible in it has its marks and events';
COMMENT ON COLUMN membridge.fold.server IS 'System identifier of the server and oid of the database the snapshot is of; in a copy it means nothing';
COMMENT ON COLUMN membridge.fold.anew_after IS 'In a copy every delivery kept is folded once more, by time: how far that has come';
INSERT INTO membridge.fold DEFAULT VALUES;

-- Marks of memories whose row in the queue somebody held when they were made: tried again by the next fold.
CREATE TABLE membridge.held_marks (
    bucket    smallint NOT NULL,
    project   text COLLATE "C" NOT NULL,
    memory_id text COLLATE "C" NOT NULL,
    told      text,
    rank      smallint NOT NULL
);
ALTER TABLE membridge.held_marks REPLICA IDENTITY FULL;
COMMENT ON TABLE membridge.held_marks IS 'Marks that wait until nobody locks their memory''s row in the queue';

-- The queue is ordered by what a mark is for: live deliveries, then what a person asked for and deliveries that name very many memories, then
-- sweeps and expiry, then what the mirror is enough for.
ALTER TABLE membridge.dirty ADD COLUMN rank smallint NOT NULL DEFAULT 0;
ALTER TABLE membridge.dirty ADD COLUMN told text;
COMMENT ON COLUMN membridge.dirty.rank IS '0 live, 1 asked for, or one of very many in a delivery, 2 sweep and expiry, 3 reproject';
COMMENT ON COLUMN membridge.dirty.told IS 'What the one delivery behind the mark told of the memory; NULL where several spoke, or something else';
UPDATE membridge.dirty SET rank = CASE reason WHEN 'manual' THEN 1 WHEN 'sweep' THEN 2 WHEN 'expiry' THEN 2 ELSE 3 END WHERE reason <> 'delivery';
CREATE INDEX dirty_turn ON membridge.dirty (bucket, rank, due_at);
DROP INDEX membridge.dirty_due;

CREATE OR REPLACE FUNCTION membridge.mark(buckets smallint[], projects text[], memory_ids text[], reason text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    marked bigint;
BEGIN
    -- In order, so that two markers never deadlock. A memory that is marked already:
    -- its generation moves on, so that a claim under way cannot end the mark;
    -- what waits is due no later than now, except that a memory backing off after failures keeps its turn, or a hundred deliveries
    -- would be a hundred attempts against something that is down (a person who asks, `manual`, need not wait);
    -- the reason that asks for more wins: a `reproject`, which may make do with the mirror, must not hide a `delivery`.
    INSERT INTO membridge.dirty AS d (bucket, project, memory_id, reason, rank)
    SELECT DISTINCT m.bucket, m.project COLLATE "C", m.memory_id COLLATE "C", mark.reason,
           CASE mark.reason WHEN 'delivery' THEN 0 WHEN 'manual' THEN 1 WHEN 'reproject' THEN 3 ELSE 2 END::smallint
    FROM unnest(mark.buckets, mark.projects, mark.memory_ids) AS m(bucket, project, memory_id)
    ORDER BY 1, 2, 3
    ON CONFLICT (bucket, project, memory_id) DO UPDATE SET
        generation = d.generation + 1,
        marked_at = clock_timestamp(),
        due_at = CASE WHEN d.attempts > 0 AND excluded.reason <> 'manual' THEN d.due_at ELSE least(d.due_at, excluded.due_at) END,
        rank = least(d.rank, excluded.rank),
        told = NULL,
        reason = CASE WHEN array_position('{reproject,expiry,sweep,delivery,manual}'::text[], excluded.reason)
                           < array_position('{reproject,expiry,sweep,delivery,manual}'::text[], d.reason)
                      THEN d.reason ELSE excluded.reason END;
    GET DIAGNOSTICS marked = ROW_COUNT;
    RETURN marked;
END $$;

-- Beside a publication of all tables.
ALTER TABLE membridge.suppression_salt REPLICA IDENTITY FULL;

-- A user id is whatever Mem0 was given: an index entry of it could outgrow what PostgreSQL takes, and refuse the memory.
CREATE INDEX memories_by_user ON membridge.memories (project, hashtextextended(user_id, 0));
DROP INDEX membridge.memories_user;

-- Storing: one INSERT of whole columns. `memories`, `buckets`, `told` and `events` are arrays of arrays, so each is an array of literals.
CREATE FUNCTION membridge.store(
    batch bigint, ids uuid[], received_at timestamptz[], projects text[], verdicts text[], sources text[], tokens text[], headers text[],
    memories text[], buckets text[], told text[], events text[], bodies bytea[]) RETURNS xid8
LANGUAGE plpgsql SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    -- Only a second attempt of the same batch takes this lock too, and then looks whether the first one came through.
    PERFORM pg_advisory_xact_lock(batch);
    INSERT INTO membridge.deliveries (id, received_at, project, verdict, source, token, headers, memories, buckets, told, events, body, xid)
    SELECT d.id, greatest(d.received_at, membridge.journal_begin()), d.project, d.verdict, d.source, d.token, d.headers::jsonb, d.memories::text[],
           d.buckets::smallint[], d.told::text[], d.events::uuid[], d.body, pg_current_xact_id()
    FROM unnest(store.ids, store.received_at, store.projects, store.verdicts, store.sources, store.tokens, store.headers, store.memories,
                store.buckets, store.told, store.events, store.bodies)
         AS d(id, received_at, project, verdict, source, token, headers, memories, buckets, told, events, body);
    RETURN pg_current_xact_id();
END $$;
COMMENT ON FUNCTION membridge.store IS 'Appends deliveries to the journal, in the caller''s transaction; returns its id, which the fold is poked with';

CREATE FUNCTION membridge.stored_before(batch bigint, ids uuid[], earliest timestamptz, latest timestamptz) RETURNS SETOF uuid
LANGUAGE plpgsql SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    PERFORM pg_advisory_xact_lock(batch);
    -- A statement of its own: it sees what the holder of the lock committed.
    RETURN QUERY
    SELECT DISTINCT d.id FROM membridge.deliveries d
    WHERE d.received_at BETWEEN greatest(earliest, membridge.journal_begin()) AND greatest(latest, membridge.journal_begin())
      AND d.id = ANY (stored_before.ids);
END $$;
COMMENT ON FUNCTION membridge.stored_before IS 'Waits for an earlier attempt to store the batch to end, and returns what it stored';

-- Processes that were started before this migration go on accepting: what they store is folded like everything else.
CREATE OR REPLACE FUNCTION membridge.accept(
    ids uuid[], buckets smallint[], received_at timestamptz[], projects text[], verdicts text[], sources text[], tokens text[],
    headers text[], memories text[], starts integer[], lengths integer[], bodies bytea,
    mark_ids uuid[], mark_buckets smallint[], mark_projects text[], mark_memory_ids text[],
    lock_patience text) RETURNS boolean
LANGUAGE sql SET search_path = pg_catalog AS $$
    SELECT membridge.accept_events(ids, buckets, received_at, projects, verdicts, sources, tokens, headers, memories, starts, lengths, bodies,
                                   mark_ids, mark_buckets, mark_projects, mark_memory_ids, lock_patience,
                                   array_fill(NULL::uuid, ARRAY[cardinality(mark_ids)]), array_fill(NULL::text, ARRAY[cardinality(mark_ids)]))
$$;
CREATE OR REPLACE FUNCTION membridge.accept_events(
    ids uuid[], buckets smallint[], received_at timestamptz[], projects text[], verdicts text[], sources text[], tokens text[],
    headers text[], memories text[], starts integer[], lengths integer[], bodies bytea,
    mark_ids uuid[], mark_buckets smallint[], mark_projects text[], mark_memory_ids text[],
    lock_patience text, mark_events uuid[], mark_types text[]) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog SET enable_seqscan = off AS $$
BEGIN
    PERFORM set_config('lock_timeout', lock_patience, true);
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    INSERT INTO membridge.deliveries (id, received_at, project, verdict, source, token, headers, memories, buckets, told, events, body, xid)
    SELECT d.id, greatest(d.received_at, membridge.journal_begin()), d.project, d.verdict, d.source, d.token, d.headers::jsonb,
           coalesce(m.memories, '{}'), coalesce(m.buckets, '{}'), coalesce(m.told, '{}'), m.events,
           substring(accept_events.bodies FROM d.start FOR d.length), pg_current_xact_id()
    FROM unnest(accept_events.ids, accept_events.received_at, accept_events.projects, accept_events.verdicts, accept_events.sources,
                accept_events.tokens, accept_events.headers, accept_events.starts, accept_events.lengths)
         AS d(id, received_at, project, verdict, source, token, headers, start, length)
    LEFT JOIN LATERAL (
        SELECT array_agg(m.memory_id) AS memories, array_agg(m.bucket) AS buckets, array_agg(coalesce(m.type, 'OTHER')) AS told,
               CASE WHEN count(m.event) > 0 THEN array_agg(m.event) END AS events
        FROM unnest(accept_events.mark_ids, accept_events.mark_buckets, accept_events.mark_memory_ids, accept_events.mark_events,
                    accept_events.mark_types) AS m(id, bucket, memory_id, event, type)
        WHERE m.id = d.id) AS m ON true
    WHERE NOT EXISTS (SELECT FROM membridge.deliveries s WHERE s.received_at = greatest(d.received_at, membridge.journal_begin()) AND s.id = d.id);
    RETURN false;
END $$;

-- Where a database is: a copy, restored or cloned, is elsewhere.
CREATE FUNCTION membridge.whereabouts() RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    server text := '';
BEGIN
    BEGIN
        SELECT system_identifier INTO server FROM pg_control_system();
    EXCEPTION WHEN insufficient_privilege THEN
        NULL;  -- some providers keep it to themselves: then the database's oid and the transaction ids have to tell
    END;
    RETURN server || '/' || (SELECT oid FROM pg_database WHERE datname = current_database());
END $$;
COMMENT ON FUNCTION membridge.whereabouts IS 'System identifier of the server and oid of the database';

-- A delivery as the fold needs it.
CREATE TYPE membridge.taken AS (
    xid xid8, id uuid, received_at timestamptz, project text, memories text[], buckets smallint[], told text[], events uuid[]);

-- The snapshot in which `seen` and everything else below `upper` is visible, but for what is in `running`.
CREATE FUNCTION membridge.snapshot_below(upper xid8, running xid8[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    SELECT coalesce((SELECT x FROM unnest(running) AS x ORDER BY x LIMIT 1), upper)::text || ':' || upper::text || ':'
           || coalesce((SELECT string_agg(x::text, ',' ORDER BY x) FROM unnest(running) AS x), '')
$$;

CREATE FUNCTION membridge.unfolded() RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog SET enable_seqscan = off AS $$
    SELECT (SELECT count(DISTINCT d.id) FROM membridge.fold f, membridge.deliveries d
            WHERE d.received_at >= membridge.journal_begin() AND d.xid >= pg_snapshot_xmin(coalesce(f.snapshot, '1:1:')::pg_snapshot)
              AND NOT pg_visible_in_snapshot(d.xid, coalesce(f.snapshot, '1:1:')::pg_snapshot))
         + (SELECT count(*) FROM membridge.held_marks)
$$;
COMMENT ON FUNCTION membridge.unfolded IS 'How many deliveries have no marks and events yet, and how many marks wait for a row of the queue';

-- What is new in the journal since the stored snapshot becomes marks and events, and the snapshot moves on: at most so many deliveries (more
-- when one transaction stored more), without making anything of those in `without`. folded: false when somebody else folds at this moment.
-- more: whether it is worth to go on at once. news: whether workers have something to do that they were not told of before.
CREATE FUNCTION membridge.fold_journal(at_most integer, without uuid[])
RETURNS TABLE (folded boolean, deliveries bigint, more boolean, news boolean, snapshot text)
LANGUAGE plpgsql SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    most_memories CONSTANT bigint := 20000;
    many CONSTANT integer := 100;  -- a delivery that names more memories waits behind the others
    f membridge.fold%ROWTYPE;
    here text := membridge.whereabouts();
    before pg_snapshot;
    present pg_snapshot;
    pending xid8[];
    running xid8[];
    upper_end xid8;
    fetched integer;
    part membridge.taken[];
    taken membridge.taken[] := '{}';
    goes_on boolean := false;
    buckets smallint[]; projects text[]; memories text[]; tells text[]; ranks smallint[];
    held_places bigint[];
    idle smallint[];
    moment timestamptz;
    wakes boolean := false;
BEGIN
    -- Nothing to do is nothing to write.
    SELECT * INTO f FROM membridge.fold;
    before := f.snapshot::pg_snapshot;
    IF f.server = here AND f.anew_after IS NULL AND pg_snapshot_xmax(before) <= pg_snapshot_xmax(pg_current_snapshot())
       AND NOT EXISTS (SELECT FROM membridge.deliveries d
                       WHERE d.received_at >= membridge.journal_begin() AND d.xid >= pg_snapshot_xmax(before))
       AND NOT EXISTS (SELECT FROM membridge.deliveries d
                       WHERE d.received_at >= membridge.journal_begin() AND d.xid = ANY (ARRAY(SELECT x FROM pg_snapshot_xip(before) AS x)))
       AND NOT EXISTS (SELECT FROM membridge.held_marks) THEN
        RETURN QUERY SELECT true, 0::bigint, false, false, f.snapshot;
        RETURN;
    END IF;

    SELECT * INTO f FROM membridge.fold FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN QUERY SELECT false, 0::bigint, true, false, w.snapshot FROM membridge.fold w;
        RETURN;
    END IF;
    -- A fold that is lost in a crash is lost together with its snapshot, and done again: nobody need wait for the disk.
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM set_config('lock_timeout', '1s', true);
    SELECT pg_current_snapshot() INTO present;  -- a later statement than the lock: it sees what the lock's last holder committed
    before := coalesce(f.snapshot, '1:1:')::pg_snapshot;
    IF f.server <> here OR pg_snapshot_xmax(present) < pg_snapshot_xmax(before)
       OR (f.snapshot IS NULL AND EXISTS (SELECT FROM membridge.deliveries d WHERE d.received_at >= membridge.journal_begin()
                                          AND d.xid >= pg_snapshot_xmax(pg_current_snapshot()))) THEN
        -- A copy, or an older state of the database: transactions have other numbers here.
        f.anew_after := '-infinity';
        f.anew_id := '00000000-0000-0000-0000-000000000000';
        before := present;
    END IF;

    -- What was under way when the last fold looked, and is committed now.
    pending := ARRAY(SELECT x FROM pg_snapshot_xip(before) AS x);
    IF cardinality(pending) > 0 THEN
        taken := ARRAY(
            SELECT ROW(d.xid, d.id, d.received_at, d.project, d.memories, d.buckets, d.told, d.events)::membridge.taken
            FROM membridge.deliveries d
            WHERE d.received_at >= membridge.journal_begin() AND d.xid = ANY (pending) AND pg_visible_in_snapshot(d.xid, present)
            ORDER BY d.xid FETCH FIRST (at_most) ROWS WITH TIES);
    END IF;
    IF cardinality(taken) >= at_most THEN
        -- Those behind the last one taken are still to come.
        upper_end := pg_snapshot_xmax(before);
        running := ARRAY(SELECT x FROM unnest(pending) AS x
                         WHERE x > taken[cardinality(taken)].xid OR NOT pg_visible_in_snapshot(x, present));
        goes_on := true;
    ELSE
        -- What began since then.
        part := ARRAY(
            SELECT ROW(d.xid, d.id, d.received_at, d.project, d.memories, d.buckets, d.told, d.events)::membridge.taken
            FROM membridge.deliveries d
            WHERE d.received_at >= membridge.journal_begin() AND d.xid >= pg_snapshot_xmax(before) AND d.xid < pg_snapshot_xmax(present)
              AND pg_visible_in_snapshot(d.xid, present)
            ORDER BY d.xid FETCH FIRST (at_most) ROWS WITH TIES);
        fetched := cardinality(part);
        part := ARRAY(
            SELECT ROW(w.xid, w.id, w.received_at, w.project, w.memories, w.buckets, w.told, w.events)::membridge.taken
            FROM (SELECT p.*, sum(cardinality(p.memories)) OVER (ORDER BY p.xid) AS weight, p.xid = part[1].xid AS is_first FROM unnest(part) AS p) AS w
            WHERE w.weight <= most_memories OR w.is_first ORDER BY w.xid);
        goes_on := fetched >= at_most OR cardinality(part) < fetched;
        upper_end := CASE WHEN goes_on THEN (part[cardinality(part)].xid::text::bigint + 1)::text::xid8 ELSE pg_snapshot_xmax(present) END;
        running := ARRAY(SELECT x FROM pg_snapshot_xip(present) AS x WHERE x < upper_end);
        taken := taken || part;
    END IF;

    -- In a copy: the next of those kept. They lose their number, which would mean something else here one day.
    IF f.anew_after IS NOT NULL THEN
        part := ARRAY(
            SELECT ROW(d.xid, d.id, d.received_at, d.project, d.memories, d.buckets, d.told, d.events)::membridge.taken
            FROM membridge.deliveries d
            WHERE d.received_at >= greatest(f.anew_after, membridge.journal_begin()) AND (d.received_at, d.id) > (f.anew_after, f.anew_id)
              AND d.xid IS NOT NULL
            ORDER BY d.received_at, d.id LIMIT at_most);
        UPDATE membridge.deliveries d SET xid = NULL FROM unnest(part) AS p WHERE d.received_at = p.received_at AND d.id = p.id;
        IF cardinality(part) < at_most THEN
            f.anew_after := NULL;
        ELSE
            f.anew_after := part[cardinality(part)].received_at;
            f.anew_id := part[cardinality(part)].id;
            goes_on := true;
        END IF;
        taken := taken || part;
    END IF;

    INSERT INTO membridge.events (bucket, project, memory_id, id, delivery, type, received_at)
    SELECT m.bucket, t.project, m.memory_id, m.event, t.id, split_part(m.told, ' ', 1), t.received_at
    FROM unnest(taken) AS t, unnest(t.buckets, t.memories, t.told, t.events) AS m(bucket, memory_id, told, event)
    WHERE t.events IS NOT NULL AND m.event IS NOT NULL AND t.id <> ALL (without)
    ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING;

    -- Every memory once. What one delivery alone told of it is kept with the mark. A delivery that is stored twice is one.
    WITH marks AS (
        SELECT m.bucket, o.project COLLATE "C" AS project, m.memory_id COLLATE "C" AS memory_id, m.told,
               CASE WHEN cardinality(o.memories) > many THEN 1 ELSE 0 END AS rank
        FROM (SELECT DISTINCT ON (t.id) t.project, t.memories, t.buckets, t.told FROM unnest(taken) AS t WHERE t.id <> ALL (without)) AS o,
             unnest(o.buckets, o.memories, o.told) AS m(bucket, memory_id, told)),
    held AS (DELETE FROM membridge.held_marks RETURNING *),
    once AS (
        SELECT a.bucket, a.project, a.memory_id, CASE WHEN count(*) = 1 THEN min(a.told) END AS told, min(a.rank) AS rank
        FROM (SELECT * FROM marks UNION ALL SELECT h.bucket, h.project, h.memory_id, h.told, h.rank FROM held h) AS a
        GROUP BY 1, 2, 3)
    SELECT array_agg(o.bucket), array_agg(o.project::text), array_agg(o.memory_id::text), array_agg(o.told), array_agg(o.rank::smallint)
    INTO buckets, projects, memories, tells, ranks
    FROM once o;

    IF buckets IS NOT NULL THEN
        -- A memory whose row in the queue somebody holds must not keep the others waiting: its mark is set aside until the row is free.
        WITH known AS (
            SELECT m.place FROM unnest(buckets, projects, memories) WITH ORDINALITY AS m(bucket, project, memory_id, place)
            JOIN membridge.dirty d ON d.bucket = m.bucket AND d.project = m.project COLLATE "C" AND d.memory_id = m.memory_id COLLATE "C"),
        free AS MATERIALIZED (
            SELECT m.place FROM unnest(buckets, projects, memories) WITH ORDINALITY AS m(bucket, project, memory_id, place)
            JOIN membridge.dirty d ON d.bucket = m.bucket AND d.project = m.project COLLATE "C" AND d.memory_id = m.memory_id COLLATE "C"
            FOR UPDATE OF d SKIP LOCKED)
        SELECT coalesce(array_agg(k.place), '{}') INTO held_places FROM (SELECT place FROM known EXCEPT SELECT place FROM free) AS k;
        IF cardinality(held_places) > 0 THEN
            INSERT INTO membridge.held_marks (bucket, project, memory_id, told, rank)
            SELECT buckets[place], projects[place], memories[place], tells[place], ranks[place] FROM unnest(held_places) AS place;
            SELECT array_agg(m.bucket), array_agg(m.project), array_agg(m.memory_id), array_agg(m.told), array_agg(m.rank)
            INTO buckets, projects, memories, tells, ranks
            FROM unnest(buckets, projects, memories, tells, ranks) WITH ORDINALITY AS m(bucket, project, memory_id, told, rank, place)
            WHERE m.place <> ALL (held_places);
        END IF;
    END IF;

    IF buckets IS NOT NULL THEN
        -- Workers are told only when a bucket goes from empty to due: not of buckets that had something due, whose workers are up, and not
        -- when all that was marked waits for its turn after failures, or is held by a worker who will look again.
        idle := ARRAY(SELECT touched.b FROM (SELECT DISTINCT b FROM unnest(buckets) AS b) AS touched
                      WHERE NOT EXISTS (SELECT FROM membridge.dirty d, generate_series(0, 3) AS r(rank)
                                        WHERE d.bucket = touched.b AND d.rank = r.rank AND d.due_at <= statement_timestamp()
                                          AND (d.claimed_until IS NULL OR d.claimed_until <= statement_timestamp())));
        INSERT INTO membridge.dirty AS d (bucket, project, memory_id, reason, rank, told)
        SELECT m.bucket, m.project COLLATE "C", m.memory_id COLLATE "C", 'delivery', m.rank, m.told
        FROM unnest(buckets, projects, memories, tells, ranks) AS m(bucket, project, memory_id, told, rank)
        ORDER BY 1, 2, 3
        ON CONFLICT (bucket, project, memory_id) DO UPDATE SET
            generation = d.generation + 1,
            marked_at = clock_timestamp(),
            due_at = CASE WHEN d.attempts > 0 THEN d.due_at ELSE least(d.due_at, excluded.due_at) END,
            rank = least(d.rank, excluded.rank),
            told = NULL,
            reason = CASE d.reason WHEN 'manual' THEN d.reason ELSE excluded.reason END;
        IF cardinality(idle) > 0 THEN
            moment := clock_timestamp();
            wakes := EXISTS (SELECT FROM unnest(idle) AS touched(b), generate_series(0, 3) AS r(rank), membridge.dirty d
                             WHERE d.bucket = touched.b AND d.rank = r.rank AND d.due_at <= moment
                               AND (d.claimed_until IS NULL OR d.claimed_until <= moment));
            IF wakes THEN
                PERFORM pg_notify('membridge_due', '');
            END IF;
        END IF;
    END IF;

    f.snapshot := membridge.snapshot_below(upper_end, running);
    UPDATE membridge.fold SET snapshot = f.snapshot, server = here, anew_after = f.anew_after, anew_id = f.anew_id, folded_at = clock_timestamp();
    RETURN QUERY SELECT true, (SELECT count(DISTINCT t.id) FROM unnest(taken) AS t), goes_on, wakes, f.snapshot;
END $$;
COMMENT ON FUNCTION membridge.fold_journal IS 'Makes marks and events of what is new in the journal; the only one that notifies workers of deliveries';
