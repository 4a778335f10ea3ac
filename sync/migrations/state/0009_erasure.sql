-- Who was erased, so that a late delivery, a sweep or an export does not bring the person back. Names and ids are kept as salted hashes
-- only: nobody can be read from them, and whoever can read the database can at most ask whether a name they know was erased. The salt
-- stands beside them on purpose: kept elsewhere it could be lost, and with it every erasure.

CREATE TABLE membridge.suppression_salt (salt bytea NOT NULL);
INSERT INTO membridge.suppression_salt
SELECT decode(string_agg(replace(gen_random_uuid()::text, '-', ''), ''), 'hex') FROM generate_series(1, 3);

CREATE TABLE membridge.suppressions (
    hash      bytea       NOT NULL PRIMARY KEY,
    erased_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE membridge.suppressions IS 'Salted hashes of users that were erased and of their memories: nothing of them is stored again';

CREATE TABLE membridge.erasures (
    id          uuid        NOT NULL PRIMARY KEY,
    project     text COLLATE "C" NOT NULL,
    user_hash   bytea       NOT NULL,
    begun_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    counts      jsonb       NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE membridge.erasures IS 'Erasures with what they removed; one without an end is gone on with by the next for the same user';
CREATE INDEX erasures_user ON membridge.erasures (user_hash);

CREATE FUNCTION membridge.suppression_hash(kind text, project text, name text) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    -- Every part with its length, so that none can pass for another's beginning; hashed twice, so that nothing can be appended.
    SELECT sha256(salt || sha256(salt || convert_to(length(kind) || ':' || kind || length(project) || ':' || project || length(name) || ':' || name, 'UTF8')))
    FROM membridge.suppression_salt
$$;

-- Both functions touch `suppressions` in the transaction that is about to write, and hold its lock until that ends: an erasure takes the
-- table for itself for a moment, and from then on nobody writes who has not seen it.

CREATE FUNCTION membridge.suppressed_users(of_project text, names text[]) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM membridge.suppressions) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT n.name FROM unnest(suppressed_users.names) AS n(name)
    WHERE EXISTS (SELECT FROM membridge.suppressions s WHERE s.hash = membridge.suppression_hash('user', of_project, n.name));
END $$;
COMMENT ON FUNCTION membridge.suppressed_users IS 'Which of these users were erased';

CREATE FUNCTION membridge.suppress_memories(projects text[], memory_ids text[], users text[]) RETURNS SETOF bigint
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    hits bigint[];
BEGIN
    IF NOT EXISTS (SELECT FROM membridge.suppressions) THEN
        RETURN;
    END IF;
    hits := ARRAY(
        SELECT a.n FROM unnest(projects, memory_ids, users) WITH ORDINALITY AS a(project, memory_id, name, n)
        WHERE EXISTS (SELECT FROM membridge.suppressions s WHERE s.hash = membridge.suppression_hash('memory', a.project, a.memory_id))
           OR (a.name IS NOT NULL
               AND EXISTS (SELECT FROM membridge.suppressions s WHERE s.hash = membridge.suppression_hash('user', a.project, a.name))));
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
COMMENT ON FUNCTION membridge.suppress_memories IS 'Which of these memories, by their place, are an erased user''s; what was stored of their deliveries goes';
