-- Runs beside: 16
-- The plans of a fold are made once for a connection, when a day has just begun or the queue is empty, as it mostly is: then any index seems as good
-- as any other, and every fold looked through the whole day, or compared all of the queue with all that was marked. Statements now leave the planner
-- no choice: what is wanted in the order of an index, with sorting discouraged, comes from that index, and an index with a predicate is not there for
-- statements that do not imply it.

-- Whoever looks for what is due names a rank; whoever looks for a memory does not, and is left with the primary key.
DROP INDEX membridge.dirty_turn;
CREATE INDEX dirty_turn ON membridge.dirty (bucket, rank, due_at) WHERE rank IS NOT NULL;

CREATE OR REPLACE FUNCTION membridge.fold_journal(at_most integer, without uuid[])
RETURNS TABLE (folded boolean, deliveries bigint, more boolean, news boolean, snapshot text)
LANGUAGE plpgsql SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_sort = off SET jit = off AS $$
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
    different integer;
    counted boolean;
    part membridge.taken[];
    taken membridge.taken[] := '{}';
    goes_on boolean := false;
    buckets smallint[]; projects text[]; memories text[]; tells text[]; ranks smallint[];
    free_places integer[];
    held_places integer[];
    idle smallint[];
    moment timestamptz;
    wakes boolean := false;
BEGIN
    -- Nothing to do is nothing to write.
    SELECT * INTO f FROM membridge.fold;
    before := f.snapshot::pg_snapshot;
    IF f.server = here AND f.anew_after IS NULL AND pg_snapshot_xmax(before) <= pg_snapshot_xmax(pg_current_snapshot())
       AND (SELECT d.xid FROM membridge.deliveries d
            WHERE d.received_at >= membridge.journal_begin() AND d.xid >= pg_snapshot_xmax(before) ORDER BY d.xid LIMIT 1) IS NULL
       AND (SELECT d.xid FROM membridge.deliveries d
            WHERE d.received_at >= membridge.journal_begin() AND d.xid = ANY (ARRAY(SELECT x FROM pg_snapshot_xip(before) AS x))
            ORDER BY d.xid LIMIT 1) IS NULL
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
       OR (f.snapshot IS NULL AND (SELECT d.xid FROM membridge.deliveries d
                                   WHERE d.received_at >= membridge.journal_begin() AND d.xid >= pg_snapshot_xmax(pg_current_snapshot())
                                   ORDER BY d.xid LIMIT 1) IS NOT NULL) THEN
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
        IF (SELECT sum(cardinality(p.memories)) FROM unnest(part) AS p) > most_memories THEN
            part := ARRAY(
                SELECT ROW(w.xid, w.id, w.received_at, w.project, w.memories, w.buckets, w.told, w.events)::membridge.taken
                FROM (SELECT p.*, sum(cardinality(p.memories)) OVER (ORDER BY p.xid) AS weight, p.xid = part[1].xid AS is_first
                      FROM unnest(part) AS p) AS w
                WHERE w.weight <= most_memories OR w.is_first ORDER BY w.xid);
        END IF;
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

    SELECT count(DISTINCT t.id), coalesce(bool_or(t.events IS NOT NULL), false) INTO different, counted FROM unnest(taken) AS t;
    IF different < cardinality(taken) THEN
        -- A delivery that is stored twice is one.
        taken := ARRAY(
            SELECT ROW(o.xid, o.id, o.received_at, o.project, o.memories, o.buckets, o.told, o.events)::membridge.taken
            FROM (SELECT DISTINCT ON (t.id) t.* FROM unnest(taken) AS t ORDER BY t.id) AS o);
    END IF;

    IF counted THEN
        INSERT INTO membridge.events (bucket, project, memory_id, id, delivery, type, received_at)
        SELECT m.bucket, t.project, m.memory_id, m.event, t.id, split_part(m.told, ' ', 1), t.received_at
        FROM unnest(taken) AS t, unnest(t.buckets, t.memories, t.told, t.events) AS m(bucket, memory_id, told, event)
        WHERE t.events IS NOT NULL AND m.event IS NOT NULL AND t.id <> ALL (without)
        ORDER BY 1, 2, 3, 4
        ON CONFLICT DO NOTHING;
    END IF;

    -- Every memory once. What one delivery alone told of it is kept with the mark.
    WITH marks AS (
        SELECT unnest(t.buckets) AS bucket, t.project COLLATE "C" AS project, unnest(t.memories) COLLATE "C" AS memory_id, unnest(t.told) AS told,
               CASE WHEN cardinality(t.memories) > many THEN 1 ELSE 0 END AS rank
        FROM unnest(taken) AS t WHERE t.id <> ALL (without)),
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
        free_places := ARRAY(
            SELECT m.place FROM unnest(buckets, projects, memories) WITH ORDINALITY AS m(bucket, project, memory_id, place),
                   LATERAL (SELECT FROM membridge.dirty d
                            WHERE d.bucket = m.bucket AND d.project = m.project COLLATE "C" AND d.memory_id = m.memory_id COLLATE "C"
                            FOR UPDATE SKIP LOCKED) AS d);
        held_places := '{}';
        IF cardinality(free_places) < cardinality(buckets) THEN
            held_places := ARRAY(
                SELECT o.place FROM (SELECT n AS place FROM generate_series(1, cardinality(buckets)) AS n EXCEPT SELECT unnest(free_places)) AS o
                WHERE (SELECT true FROM membridge.dirty d WHERE d.bucket = buckets[o.place] AND d.project = projects[o.place] COLLATE "C"
                                                            AND d.memory_id = memories[o.place] COLLATE "C"));
        END IF;
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
        moment := statement_timestamp();
        idle := ARRAY(SELECT touched.b FROM (SELECT DISTINCT b FROM unnest(buckets) AS b) AS touched
                      WHERE NOT EXISTS (SELECT FROM generate_series(0, 3) AS r(rank)
                                        WHERE (SELECT true FROM membridge.dirty d
                                               WHERE d.bucket = touched.b AND d.rank = r.rank AND d.due_at <= moment
                                                 AND (d.claimed_until IS NULL OR d.claimed_until <= moment)
                                               ORDER BY d.due_at LIMIT 1)));
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
            wakes := EXISTS (SELECT FROM unnest(idle) AS touched(b), generate_series(0, 3) AS r(rank)
                             WHERE (SELECT true FROM membridge.dirty d
                                    WHERE d.bucket = touched.b AND d.rank = r.rank AND d.due_at <= moment
                                      AND (d.claimed_until IS NULL OR d.claimed_until <= moment)
                                    ORDER BY d.due_at LIMIT 1));
            IF wakes THEN
                PERFORM pg_notify('membridge_due', '');
            END IF;
        END IF;
    END IF;

    f.snapshot := membridge.snapshot_below(upper_end, running);
    UPDATE membridge.fold SET snapshot = f.snapshot, server = here, anew_after = f.anew_after, anew_id = f.anew_id, folded_at = clock_timestamp();
    RETURN QUERY SELECT true, different::bigint, goes_on, wakes, f.snapshot;
END $$;

CREATE OR REPLACE FUNCTION membridge.unfolded() RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog SET enable_seqscan = off SET enable_sort = off SET jit = off AS $$
    SELECT (SELECT count(DISTINCT n.id)
            FROM membridge.fold f,
                 LATERAL (SELECT d.id FROM membridge.deliveries d
                          WHERE d.received_at >= membridge.journal_begin() AND d.xid >= pg_snapshot_xmin(coalesce(f.snapshot, '1:1:')::pg_snapshot)
                            AND NOT pg_visible_in_snapshot(d.xid, coalesce(f.snapshot, '1:1:')::pg_snapshot)
                          ORDER BY d.xid) AS n)
         + (SELECT count(*) FROM membridge.held_marks)
$$;

CREATE OR REPLACE FUNCTION membridge.store(
    batch bigint, ids uuid[], received_at timestamptz[], projects text[], verdicts text[], sources text[], tokens text[], headers text[],
    memories text[], buckets text[], told text[], events text[], bodies bytea[]) RETURNS xid8
LANGUAGE plpgsql SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    done text;  -- expressions cost less than statements
BEGIN
    done := set_config('lock_timeout', '5s', true);
    IF current_setting('synchronous_commit') = 'off' THEN
        done := set_config('synchronous_commit', 'on', true);
    END IF;
    -- Only a second attempt of the same batch takes this lock too, and then looks whether the first one came through.
    done := pg_advisory_xact_lock(batch)::text;
    INSERT INTO membridge.deliveries (id, received_at, project, verdict, source, token, headers, memories, buckets, told, events, body, xid)
    SELECT d.id, greatest(d.received_at, membridge.journal_begin()), d.project, d.verdict, d.source, d.token, d.headers::jsonb, d.memories::text[],
           d.buckets::smallint[], d.told::text[], d.events::uuid[], d.body, pg_current_xact_id()
    FROM (SELECT unnest(store.ids) AS id, unnest(store.received_at) AS received_at, unnest(store.projects) AS project,
                 unnest(store.verdicts) AS verdict, unnest(store.sources) AS source, unnest(store.tokens) AS token, unnest(store.headers) AS headers,
                 unnest(store.memories) AS memories, unnest(store.buckets) AS buckets, unnest(store.told) AS told, unnest(store.events) AS events,
                 unnest(store.bodies) AS body) AS d;
    RETURN pg_current_xact_id();
END $$;
