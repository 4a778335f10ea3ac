-- Under `history` a row's ledger follows the open version. What was said in one that is closed is kept here, so that a person can
-- be taken out of it.
CREATE TABLE membridge.versions (
    relation   text    NOT NULL,
    identity   jsonb   NOT NULL,
    project    text    NOT NULL,
    source     text    NOT NULL,
    created    boolean NOT NULL,
    cells      jsonb   NOT NULL,
    PRIMARY KEY (relation, identity, project, source)
);
COMMENT ON TABLE membridge.versions IS 'Closed versions of rows under `history`, with each source that spoke for the row then; an empty one where nobody did';
COMMENT ON COLUMN membridge.versions.created IS 'Whether the bridge made the row, and not only wrote to it';
COMMENT ON COLUMN membridge.versions.cells IS 'By cell whose value there is this source''s: what stood there before the bridge (b), and what it left there (w)';
CREATE INDEX versions_source ON membridge.versions (project, source);
