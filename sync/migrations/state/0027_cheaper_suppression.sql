-- Once anybody had been erased, every memory that was applied was looked for with two calls of a function each, which took longer than applying it.
-- Salts are read once for a batch, and the hash is an expression of the statement.
-- Runs beside: 16

CREATE FUNCTION membridge.salted_hash(salt bytea, kind text, project text, name text) RETURNS bytea LANGUAGE sql STABLE
RETURN sha256(salt || sha256(salt || convert_to(length(kind) || ':' || kind || length(project) || ':' || project || length(name) || ':' || name, 'UTF8')));
COMMENT ON FUNCTION membridge.salted_hash IS 'As membridge.suppression_hash, with a salt that the caller has read; as an expression';

CREATE OR REPLACE FUNCTION membridge.suppressed_users(of_project text, names text[]) RETURNS SETOF text
LANGUAGE plpgsql SET search_path = pg_catalog SET enable_seqscan = off SET jit = off AS $$
DECLARE
    salts bytea[];
BEGIN
    IF NOT EXISTS (SELECT FROM membridge.suppressions) THEN
        RETURN;
    END IF;
    salts := ARRAY(SELECT salt FROM membridge.suppression_salt UNION ALL SELECT salt FROM membridge.other_salts);
    RETURN QUERY
    SELECT n.name FROM unnest(suppressed_users.names) AS n(name)
    WHERE EXISTS (SELECT FROM unnest(salts) AS o(salt)
                  WHERE (SELECT true FROM membridge.suppressions s WHERE s.hash = membridge.salted_hash(o.salt, 'user', of_project, n.name)));
END $$;

CREATE OR REPLACE FUNCTION membridge.suppress_memories(projects text[], memory_ids text[], users text[]) RETURNS SETOF bigint
LANGUAGE plpgsql SET search_path = pg_catalog SET enable_seqscan = off SET jit = off AS $$
DECLARE
    salts bytea[];
    hits bigint[];
BEGIN
    IF NOT EXISTS (SELECT FROM membridge.suppressions) THEN
        RETURN;
    END IF;
    salts := ARRAY(SELECT salt FROM membridge.suppression_salt UNION ALL SELECT salt FROM membridge.other_salts);
    hits := ARRAY(
        SELECT DISTINCT a.n FROM unnest(projects, memory_ids, users) WITH ORDINALITY AS a(project, memory_id, name, n), unnest(salts) AS o(salt)
        WHERE (SELECT true FROM membridge.suppressions s WHERE s.hash = membridge.salted_hash(o.salt, 'memory', a.project, a.memory_id))
           OR (a.name IS NOT NULL
               AND (SELECT true FROM membridge.suppressions s WHERE s.hash = membridge.salted_hash(o.salt, 'user', a.project, a.name))));
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
