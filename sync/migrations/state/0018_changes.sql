-- Whether a delivery changed rows, or found them as they should be, is told by when its memory's reads changed any. An older
-- binary leaves the columns alone.
-- Runs beside: 16

ALTER TABLE membridge.memories ADD COLUMN asked_at timestamptz;
ALTER TABLE membridge.memories ADD COLUMN changes tstzrange[];
COMMENT ON COLUMN membridge.memories.asked_at IS 'When the last read began that left nothing open: what was delivered before has got what it asked for';
COMMENT ON COLUMN membridge.memories.changes IS 'Deliveries received within one of these changed rows; the first begins with all that came before. NULL: written by an older release only';

-- The ranges of a memory, one more where rows were changed at `changed_at`; eight are kept, what is older counts as changed.
CREATE FUNCTION membridge.changes_with(changes tstzrange[], read_at timestamptz, asked_at timestamptz, changed_at timestamptz) RETURNS tstzrange[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    SELECT CASE WHEN changed_at IS NULL THEN known.ranges
                WHEN cardinality(known.ranges) < 8 THEN known.ranges || tstzrange(least(begun.at, changed_at), changed_at, '(]')
                ELSE tstzrange(NULL, upper(known.ranges[2]), '(]') || known.ranges[3:]
                     || tstzrange(least(begun.at, changed_at), changed_at, '(]') END
    FROM (SELECT coalesce(changes_with.changes, ARRAY[tstzrange(NULL, read_at, '(]')])) AS known(ranges),
         -- Nothing was read to its end before: everything delivered until now asked for this change.
         (SELECT CASE WHEN asked_at IS NULL AND changes_with.changes IS NOT NULL THEN '-infinity' ELSE coalesce(asked_at, read_at) END) AS begun(at)
$$;
COMMENT ON FUNCTION membridge.changes_with IS 'The changes of a memory after a read that changed rows at changed_at; NULL: it changed none';

-- Tokens of the configuration, so that people can tell which of them nobody uses any more.
CREATE TABLE membridge.configured_tokens (
    name      text COLLATE "C" NOT NULL PRIMARY KEY,
    last_used timestamptz NOT NULL
);
COMMENT ON TABLE membridge.configured_tokens IS 'When tokens of admin.tokens were last used, by name';
