-- A standby that was promoted goes on with a history of its own. When it was asynchronous it lacks what the former primary had not passed on to it,
-- so what Mem0 knows is compared as a whole. An older binary beside looks at nothing of this.
-- Runs beside: 16

CREATE TABLE membridge.timeline (
    single boolean     NOT NULL PRIMARY KEY DEFAULT true CHECK (single),
    number bigint      NOT NULL,
    since  timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE membridge.timeline IS 'The timeline of PostgreSQL on which this state was last written';
COMMENT ON COLUMN membridge.timeline.since IS 'When the bridge first saw it';

CREATE FUNCTION membridge.present_timeline() RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RETURN ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint;
EXCEPTION WHEN others THEN
    RETURN NULL;  -- some providers keep it to themselves
END $$;
COMMENT ON FUNCTION membridge.present_timeline IS 'The timeline that is written now; each promotion of a standby begins another; NULL: not known';

ALTER TABLE membridge.catching_up ADD COLUMN whole boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN membridge.catching_up.whole IS 'Memories that are gone are looked for, too; false: only what changed';
