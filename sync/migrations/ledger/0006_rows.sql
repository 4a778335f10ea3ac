-- Whose a row is, and which column a cell stands for, after tables were altered, emptied or restored.

ALTER TABLE membridge.rows ADD COLUMN keys jsonb NOT NULL DEFAULT '{}', ADD COLUMN made jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN membridge.rows.keys IS 'By key (its columns), what each column held when the row was last seen: a row that carries none of them is not the one we knew';
COMMENT ON COLUMN membridge.rows.made IS 'By column, what `new` gave the row when the bridge made it, as the column prints it';

CREATE TABLE membridge.known_tables (
    relation text  PRIMARY KEY,
    oid      oid   NOT NULL,
    columns  jsonb NOT NULL
);
COMMENT ON TABLE membridge.known_tables IS 'The columns that cells of this ledger stand for, as they were when it was last written';
COMMENT ON COLUMN membridge.known_tables.columns IS 'By name: the column''s number (n), and its type (t) with its schema';

CREATE TABLE membridge.released (
    relation text    NOT NULL,
    identity jsonb   NOT NULL,
    project  text    NOT NULL,
    source   text    NOT NULL,
    cells    jsonb   NOT NULL,
    PRIMARY KEY (relation, identity, project, source)
);
COMMENT ON TABLE membridge.released IS 'What sources said in rows or cells that are not the bridge''s any more: an erasure counts it as left while it stands there';
COMMENT ON COLUMN membridge.released.cells IS 'By cell: what we left there (w); without it nobody can tell, and the cell counts as left';
CREATE INDEX released_source ON membridge.released (project, source);

CREATE TABLE membridge.former_speakers (
    row_id  bigint NOT NULL REFERENCES membridge.rows (id) ON DELETE CASCADE,
    project text   NOT NULL,
    source  text   NOT NULL,
    PRIMARY KEY (row_id, project, source)
);
COMMENT ON TABLE membridge.former_speakers IS 'Sources that spoke for a row the bridge made, and do not any more: it may still be known by what they said';
CREATE INDEX former_speakers_source ON membridge.former_speakers (project, source);

CREATE TABLE membridge.unerased (
    project   text NOT NULL,
    user_hash text NOT NULL,
    source    text NOT NULL,
    PRIMARY KEY (project, user_hash, source)
);
COMMENT ON TABLE membridge.unerased IS 'What an erasure could not take out of the target yet: the next one of that user goes on with it';
