-- What the bridge wrote into the target's tables, and why. It stands in the target database, so that rows and ledger
-- commit together. A document per (source, row) and per row instead of a table row per cell: one write each.

CREATE TABLE membridge.sources (
    project   text        NOT NULL,
    mapping   text        NOT NULL,
    source    text        NOT NULL,
    stamp     timestamptz,
    fence     bigint      NOT NULL,
    gone      boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (project, mapping, source)
);
COMMENT ON TABLE membridge.sources IS 'What was last computed of each memory or export; a gone source is a tombstone';
COMMENT ON COLUMN membridge.sources.fence IS 'The claim that wrote it: a worker with a smaller one comes too late and changes nothing';

CREATE TABLE membridge.rows (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation   text    NOT NULL,
    identity   jsonb   NOT NULL,
    created    boolean NOT NULL DEFAULT false,
    gone       boolean NOT NULL DEFAULT false,
    cells      jsonb   NOT NULL DEFAULT '{}',
    ours       text,
    theirs     timestamptz,
    UNIQUE (relation, identity)
);
COMMENT ON TABLE membridge.rows IS 'Target rows the bridge made or wrote to, by table and primary key';
COMMENT ON COLUMN membridge.rows.cells IS 'By cell: what we found there (b) and what we left there (w), as the column prints it';
COMMENT ON COLUMN membridge.rows.ours IS 'The value of the touch column after our own last write: a different one is a person''s edit';

CREATE TABLE membridge.contributions (
    row_id   bigint NOT NULL REFERENCES membridge.rows (id) ON DELETE CASCADE,
    project  text   NOT NULL,
    mapping  text   NOT NULL,
    source   text   NOT NULL,
    name     text   NOT NULL,
    item     text   NOT NULL DEFAULT '',
    stamp    timestamptz NOT NULL,
    goes     boolean NOT NULL DEFAULT false,
    cells    jsonb  NOT NULL,
    PRIMARY KEY (row_id, project, mapping, source, name, item)
);
COMMENT ON TABLE membridge.contributions IS 'What one source gives one row: the claims, and the answer to which memory wrote this';
COMMENT ON COLUMN membridge.contributions.goes IS 'Whether a row the bridge made goes with its last contribution (gone: delete)';
COMMENT ON COLUMN membridge.contributions.cells IS 'By cell: the claimed value (v), and whether older human values give way (f)';
CREATE INDEX contributions_source ON membridge.contributions (project, mapping, source);
