-- Runs beside: 16
-- A fold that found six deliveries ran some twenty statements, and beginning them cost PostgreSQL more than what they did. Now it looks once,
-- at the deliveries themselves; whoever folds is settled by an advisory lock that writes nothing; moving the snapshot on claims the row; the queue is
-- asked for idle buckets by the statement that fills it; and a connection asks once where it is.

CREATE OR REPLACE FUNCTION membridge.fold_journal(at_most integer, without uuid[])
RETURNS TABLE (folded boolean, deliveries bigint, more boolean, news boolean, snapshot text)
LANGUAGE plpgsql SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_sort = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    most_memories CONSTANT bigint := 20000;
    many CONSTANT integer := 100;  -- a delivery that names more memories waits behind the others
    here text := current_setting('membridge.whereabouts', true);
    done text;  -- expressions cost less than statements
    f membridge.fold%ROWTYPE;
    present pg_snapshot;
    any_held boolean;
    before pg_snapshot;
    pending xid8[];
    running xid8[];
    upper_end xid8;
    fetched integer;
    different bigint;
    weight bigint;
    counted boolean;
    was text;
    part membridge.taken[];
    taken membridge.taken[] := '{}';
    anew membridge.taken[] := '{}';
    goes_on boolean := false;
    buckets smallint[]; projects text[]; memories text[]; tells text[]; ranks smallint[];
    held_places integer[];
    wakes boolean := false;
BEGIN
    IF coalesce(here, '') = '' THEN
        here := membridge.whereabouts();
        done := set_config('membridge.whereabouts', here, false);
    END IF;
    -- One at a time. Nothing to do is nothing to write, so this lock is no row's.
    IF NOT pg_try_advisory_xact_lock(x'6d656d6272696469'::bigint) THEN
        RETURN QUERY SELECT false, 0::bigint, true, false, w.snapshot FROM membridge.fold w;
        RETURN;
    END IF;
    -- A later statement than the lock: it sees what the lock's last holder committed.
    SELECT w.snapshot, w.server, w.anew_after, w.anew_id, pg_current_snapshot(), EXISTS (SELECT FROM membridge.held_marks)
    INTO f.snapshot, f.server, f.anew_after, f.anew_id, present, any_held FROM membridge.fold w;
    was := f.snapshot;
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
        IF fetched = 0 AND cardinality(taken) = 0 AND f.anew_after IS NULL AND was IS NOT NULL AND NOT any_held THEN
            RETURN QUERY SELECT true, 0::bigint, false, false, was;
            RETURN;
        END IF;
        IF fetched > 0 THEN
            weight := (SELECT sum(cardinality(p.memories)) FROM unnest(part) AS p);
            IF weight > most_memories THEN
                part := ARRAY(
                    SELECT ROW(w.xid, w.id, w.received_at, w.project, w.memories, w.buckets, w.told, w.events)::membridge.taken
                    FROM (SELECT p.*, sum(cardinality(p.memories)) OVER (ORDER BY p.xid) AS weight, p.xid = part[1].xid AS is_first
                          FROM unnest(part) AS p) AS w
                    WHERE w.weight <= most_memories OR w.is_first ORDER BY w.xid);
            END IF;
        END IF;
        goes_on := fetched >= at_most OR cardinality(part) < fetched;
        upper_end := CASE WHEN goes_on THEN (part[cardinality(part)].xid::text::bigint + 1)::text::xid8 ELSE pg_snapshot_xmax(present) END;
        running := ARRAY(SELECT x FROM pg_snapshot_xip(present) AS x WHERE x < upper_end);
        taken := taken || part;
    END IF;

    -- In a copy: the next of those kept.
    IF f.anew_after IS NOT NULL THEN
        anew := ARRAY(
            SELECT ROW(d.xid, d.id, d.received_at, d.project, d.memories, d.buckets, d.told, d.events)::membridge.taken
            FROM membridge.deliveries d
            WHERE d.received_at >= greatest(f.anew_after, membridge.journal_begin()) AND (d.received_at, d.id) > (f.anew_after, f.anew_id)
              AND d.xid IS NOT NULL
            ORDER BY d.received_at, d.id LIMIT at_most);
        IF cardinality(anew) < at_most THEN
            f.anew_after := NULL;
        ELSE
            f.anew_after := anew[cardinality(anew)].received_at;
            f.anew_id := anew[cardinality(anew)].id;
            goes_on := true;
        END IF;
        taken := taken || anew;
    END IF;

    -- A fold that is lost in a crash is lost together with its snapshot, and done again: nobody need wait for the disk.
    done := set_config('synchronous_commit', 'off', true);
    done := set_config('lock_timeout', '1s', true);
    f.snapshot := CASE WHEN cardinality(running) = 0 THEN upper_end::text || ':' || upper_end::text || ':'
                       ELSE membridge.snapshot_below(upper_end, running) END;
    -- Processes that were started before this migration lock the row while they fold, and look at it then. Whoever else locks it is not
    -- waited for either.
    UPDATE membridge.fold w SET snapshot = f.snapshot, server = here, anew_after = f.anew_after, anew_id = f.anew_id, folded_at = clock_timestamp()
    WHERE w.ctid = (SELECT l.ctid FROM membridge.fold l WHERE l.snapshot IS NOT DISTINCT FROM was FOR UPDATE SKIP LOCKED);
    IF NOT FOUND THEN
        RETURN QUERY SELECT false, 0::bigint, true, false, w.snapshot FROM membridge.fold w;
        RETURN;
    END IF;
    IF cardinality(anew) > 0 THEN
        -- They lose their number, which would mean something else here one day.
        UPDATE membridge.deliveries d SET xid = NULL FROM unnest(anew) AS p WHERE d.received_at = p.received_at AND d.id = p.id;
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
    IF any_held THEN
        WITH held AS (DELETE FROM membridge.held_marks RETURNING *)
        SELECT array_agg(h.bucket), array_agg(h.project::text), array_agg(h.memory_id::text), array_agg(h.told), array_agg(h.rank)
        INTO buckets, projects, memories, tells, ranks FROM held h;
    END IF;
    SELECT array_agg(o.bucket), array_agg(o.project::text), array_agg(o.memory_id::text), array_agg(o.told), array_agg(o.rank::smallint)
    INTO buckets, projects, memories, tells, ranks
    FROM (SELECT a.bucket, a.project, a.memory_id, CASE WHEN count(*) = 1 THEN min(a.told) END AS told, min(a.rank) AS rank
          FROM (SELECT unnest(t.buckets) AS bucket, t.project COLLATE "C" AS project, unnest(t.memories) COLLATE "C" AS memory_id,
                       unnest(t.told) AS told, CASE WHEN cardinality(t.memories) > many THEN 1 ELSE 0 END AS rank
                FROM unnest(taken) AS t WHERE t.id <> ALL (without)
                UNION ALL
                SELECT h.bucket, h.project COLLATE "C", h.memory_id COLLATE "C", h.told, h.rank
                FROM unnest(buckets, projects, memories, tells, ranks) AS h(bucket, project, memory_id, told, rank)) AS a
          GROUP BY 1, 2, 3) AS o;

    IF buckets IS NOT NULL THEN
        -- A memory whose row in the queue somebody holds must not keep the others waiting: its mark is set aside until the row is free.
        held_places := ARRAY(
            SELECT m.place FROM unnest(buckets, projects, memories) WITH ORDINALITY AS m(bucket, project, memory_id, place)
            WHERE (SELECT true FROM membridge.dirty d
                   WHERE d.bucket = m.bucket AND d.project = m.project COLLATE "C" AND d.memory_id = m.memory_id COLLATE "C")
              AND (SELECT true FROM membridge.dirty d
                   WHERE d.bucket = m.bucket AND d.project = m.project COLLATE "C" AND d.memory_id = m.memory_id COLLATE "C"
                   FOR UPDATE SKIP LOCKED) IS NULL);
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
        -- when all that was marked waits for its turn after failures, or is held by a worker who will look again. What the buckets had
        -- is read in the snapshot of the statement, which does not see what it writes.
        WITH put AS (
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
                reason = CASE d.reason WHEN 'manual' THEN d.reason ELSE excluded.reason END
            RETURNING d.bucket, d.due_at <= clock_timestamp() AND (d.claimed_until IS NULL OR d.claimed_until <= clock_timestamp()) AS is_due)
        SELECT EXISTS (SELECT FROM (SELECT DISTINCT p.bucket FROM put p WHERE p.is_due) AS touched
                       WHERE NOT EXISTS (SELECT FROM generate_series(0, 3) AS r(rank)
                                         WHERE (SELECT true FROM membridge.dirty d
                                                WHERE d.bucket = touched.bucket AND d.rank = r.rank AND d.due_at <= statement_timestamp()
                                                  AND (d.claimed_until IS NULL OR d.claimed_until <= statement_timestamp())
                                                ORDER BY d.due_at LIMIT 1)))
        INTO wakes;
        IF wakes THEN
            done := pg_notify('membridge_due', '')::text;
        END IF;
    END IF;
    RETURN QUERY SELECT true, different, goes_on, wakes, f.snapshot;
END $$;
