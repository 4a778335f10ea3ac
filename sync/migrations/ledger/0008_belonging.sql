-- Which state this ledger belongs to. A copy of a state, or one that was restored, must not go on writing as if nothing had happened.

CREATE TABLE membridge.belonging (
    single       boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (single),
    ledger       uuid    NOT NULL DEFAULT gen_random_uuid(),
    state        uuid,
    state_place  text,
    incarnation  uuid,
    taken_at     timestamptz
);
COMMENT ON TABLE membridge.belonging IS 'The state that may write here; one row';
COMMENT ON COLUMN membridge.belonging.state_place IS 'System identifier of the state''s server and oid of its database: a copy of the state is elsewhere';
COMMENT ON COLUMN membridge.belonging.incarnation IS 'Random, new with every takeover, and known to the state: clones of a whole server share everything else';
INSERT INTO membridge.belonging DEFAULT VALUES;

-- No key: whoever enters appends. Now and then all but the highest are deleted.
CREATE TABLE membridge.fences (fence bigint NOT NULL);
ALTER TABLE membridge.fences REPLICA IDENTITY FULL;
COMMENT ON TABLE membridge.fences IS 'The highest is the highest claim under which anything was committed here';
INSERT INTO membridge.fences SELECT max(fence) FROM membridge.sources HAVING max(fence) IS NOT NULL;

CREATE TABLE membridge.kept_out (
    hash      bytea       NOT NULL PRIMARY KEY,
    erased_at timestamptz NOT NULL
);
CREATE TABLE membridge.kept_out_salts (salt bytea NOT NULL PRIMARY KEY);
COMMENT ON TABLE membridge.kept_out IS 'Salted hashes of erased people and their memories, as in the state: another state that takes over keeps them out, too';

-- Where a database is: a copy, restored or cloned, is elsewhere.
CREATE FUNCTION membridge.ledger_place() RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    server text := '';
BEGIN
    BEGIN
        SELECT system_identifier INTO server FROM pg_control_system();
    EXCEPTION WHEN insufficient_privilege THEN
        NULL;
    END;
    RETURN server || '/' || (SELECT oid FROM pg_database WHERE datname = current_database());
END $$;
COMMENT ON FUNCTION membridge.ledger_place IS 'System identifier of the server and oid of the database';

-- Every transaction that writes rows enters first, and is let in only while the ledger is the one its state knows: `known` names the
-- incarnation and the stored row that said so, which a restore replaces. A takeover waits for those inside. Volatile, so that what is
-- read was committed when the lock was had.
CREATE FUNCTION membridge.enter_ledger(known text, claim bigint) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(x'6c6564676572'::bigint);
    IF NOT EXISTS (SELECT FROM membridge.belonging b WHERE concat_ws(' ', b.incarnation, b.tableoid, b.xmin) = known) THEN
        RAISE EXCEPTION 'the ledger is not the one that the state knows' USING ERRCODE = 'MB002';
    END IF;
    IF claim > 0 THEN
        INSERT INTO membridge.fences (fence) VALUES (claim);
    END IF;
END $$;
COMMENT ON FUNCTION membridge.enter_ledger IS 'Lets a transaction in that is about to write, or raises MB002';
