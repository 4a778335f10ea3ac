-- State and targets are restored, copied and lost one without the other. Each remembers the other, so that it is noticed.

CREATE TABLE membridge.state_identity (
    single boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (single),
    id     uuid    NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO membridge.state_identity DEFAULT VALUES;
COMMENT ON TABLE membridge.state_identity IS 'Who this state is; a copy has the same id and is elsewhere (membridge.whereabouts)';

CREATE TABLE membridge.targets (
    target        text COLLATE "C" NOT NULL PRIMARY KEY,
    ledger        uuid,
    refused_since timestamptz
);
COMMENT ON TABLE membridge.targets IS 'Which ledger each target had when it was last written to';
COMMENT ON COLUMN membridge.targets.refused_since IS 'Its ledger belongs to another state: since then nothing is applied there';

CREATE TABLE membridge.ledgers (
    ledger           uuid NOT NULL PRIMARY KEY,
    incarnation      uuid,
    next_incarnation uuid,
    former           uuid[] NOT NULL DEFAULT '{}',
    repair           text   NOT NULL DEFAULT '' CHECK (repair IN ('', 'reproject', 'sweep')),
    exchanged_at     timestamptz,
    taken_at         timestamptz
);
COMMENT ON TABLE membridge.ledgers IS 'The ledgers that this state wrote to';
COMMENT ON COLUMN membridge.ledgers.next_incarnation IS 'Of a takeover that was begun: whoever finds it in the ledger ends it';
COMMENT ON COLUMN membridge.ledgers.former IS 'Incarnations that this state gave the ledger before: a ledger that shows one was restored';
COMMENT ON COLUMN membridge.ledgers.repair IS 'What is to be done since one of the two was restored: apply the mirror again, or read all of it at Mem0';
COMMENT ON COLUMN membridge.ledgers.exchanged_at IS 'The latest suppression that the ledger was told of';

-- No key: whoever commits appends. Now and then all but the highest are deleted.
CREATE TABLE membridge.ledger_fences (
    ledger uuid   NOT NULL,
    fence  bigint NOT NULL
);
ALTER TABLE membridge.ledger_fences REPLICA IDENTITY FULL;
COMMENT ON TABLE membridge.ledger_fences IS 'The highest claim that was committed to a ledger elsewhere: one that does not know it was restored';

-- Suppressions of a former state are of another salt.
CREATE TABLE membridge.other_salts (salt bytea NOT NULL PRIMARY KEY);
COMMENT ON TABLE membridge.other_salts IS 'Salts of suppressions that came with a ledger which was adopted';

CREATE TABLE membridge.lifted_suppressions (
    hash      bytea       NOT NULL PRIMARY KEY,
    lifted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE membridge.lifted_suppressions IS 'Who was admitted again: a ledger that still keeps them out is told';
CREATE INDEX suppressions_erased_at ON membridge.suppressions (erased_at);

CREATE FUNCTION membridge.suppression_hashes(kind text, project text, name text) RETURNS SETOF bytea
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT membridge.suppression_hash(kind, project, name)
    UNION ALL
    SELECT sha256(o.salt || sha256(o.salt || convert_to(length(kind) || ':' || kind || length(project) || ':' || project || length(name) || ':' || name, 'UTF8')))
    FROM membridge.other_salts o
$$;
COMMENT ON FUNCTION membridge.suppression_hashes IS 'As whom a name may be suppressed: one hash for every salt';

CREATE OR REPLACE FUNCTION membridge.suppressed_users(of_project text, names text[]) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM membridge.suppressions) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT n.name FROM unnest(suppressed_users.names) AS n(name)
    WHERE EXISTS (SELECT FROM membridge.suppressions s WHERE s.hash IN (SELECT membridge.suppression_hashes('user', of_project, n.name)));
END $$;

CREATE OR REPLACE FUNCTION membridge.suppress_memories(projects text[], memory_ids text[], users text[]) RETURNS SETOF bigint
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    hits bigint[];
BEGIN
    IF NOT EXISTS (SELECT FROM membridge.suppressions) THEN
        RETURN;
    END IF;
    hits := ARRAY(
        SELECT a.n FROM unnest(projects, memory_ids, users) WITH ORDINALITY AS a(project, memory_id, name, n)
        WHERE EXISTS (SELECT FROM membridge.suppressions s WHERE s.hash IN (SELECT membridge.suppression_hashes('memory', a.project, a.memory_id)))
           OR (a.name IS NOT NULL
               AND EXISTS (SELECT FROM membridge.suppressions s WHERE s.hash IN (SELECT membridge.suppression_hashes('user', a.project, a.name)))));
    IF cardinality(hits) = 0 THEN
        RETURN;
    END IF;
    -- Mem0 will not say whose it was once it is deleted there.
    INSERT INTO membridge.suppressions (hash)
    SELECT membridge.suppression_hash('memory', a.project, a.memory_id)
    FROM unnest(projects, memory_ids) WITH ORDINALITY AS a(project, memory_id, n)
    WHERE a.n = ANY (hits) ORDER BY 1 ON CONFLICT DO NOTHING;
    DELETE FROM membridge.deliveries d USING unnest(projects, memory_ids) WITH ORDINALITY AS a(project, memory_id, n)
    WHERE a.n = ANY (hits) AND d.project = a.project COLLATE "C" AND d.memories @> ARRAY[a.memory_id];
    DELETE FROM membridge.events e USING unnest(projects, memory_ids) WITH ORDINALITY AS a(project, memory_id, n)
    WHERE a.n = ANY (hits) AND e.project = a.project COLLATE "C" AND e.memory_id = a.memory_id COLLATE "C";
    DELETE FROM membridge.parked p USING unnest(projects, memory_ids) WITH ORDINALITY AS a(project, memory_id, n)
    WHERE a.n = ANY (hits) AND p.project = a.project COLLATE "C" AND p.memory_id = a.memory_id COLLATE "C";
    RETURN QUERY SELECT unnest(hits);
END $$;
