-- Signed deliveries that were accepted, for as long as their time would still let them in again. One table for all processes, written
-- in the transaction that stores the delivery: a replay is known after a crash, and elsewhere.

CREATE TABLE membridge.replays (
    key        text COLLATE "C" NOT NULL PRIMARY KEY,
    delivery   uuid        NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE membridge.replays IS 'By what signed deliveries are recognised when they come again; emptied as they expire';
COMMENT ON COLUMN membridge.replays.key IS 'SHA-256 over project, scheme and what was signed';
CREATE INDEX replays_expiry ON membridge.replays (expires_at);

CREATE FUNCTION membridge.admit(keys text[], deliveries uuid[], until timestamptz[], lock_patience text) RETURNS SETOF uuid
LANGUAGE plpgsql SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
    PERFORM set_config('lock_timeout', lock_patience, true);
    -- In order, so that two processes never deadlock. Whoever is second waits for the first to commit, and then finds its row.
    INSERT INTO membridge.replays AS r (key, delivery, expires_at)
    SELECT DISTINCT ON (d.key COLLATE "C") d.key COLLATE "C", d.delivery, d.until
    FROM unnest(admit.keys, admit.deliveries, admit.until) WITH ORDINALITY AS d(key, delivery, until, n)
    ORDER BY d.key COLLATE "C", d.n
    ON CONFLICT (key) DO UPDATE SET
        delivery = CASE WHEN r.expires_at <= clock_timestamp() THEN excluded.delivery ELSE r.delivery END,
        expires_at = greatest(r.expires_at, excluded.expires_at);
    -- A delivery that finds itself is being stored again after a commit whose answer was lost.
    RETURN QUERY
    SELECT d.delivery FROM unnest(admit.keys, admit.deliveries) AS d(key, delivery)
    JOIN membridge.replays r ON r.key = d.key COLLATE "C"
    WHERE r.delivery <> d.delivery;
END $$;
COMMENT ON FUNCTION membridge.admit IS 'Notes deliveries by their keys, in the caller''s transaction; returns those that came before';
