-- Memories that looked for a row in vain: it may be made on behalf of another memory, and then they are looked at again, whichever
-- came first.

CREATE TABLE membridge.waiting (
    project  text    NOT NULL,
    mapping  text    NOT NULL,
    source   text    NOT NULL,
    relation text    NOT NULL,
    key      bigint  NOT NULL,
    woken    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (project, mapping, source, relation, key)
);
COMMENT ON TABLE membridge.waiting IS 'Who looked in vain for which row; gone once the memory is applied and finds it';
COMMENT ON COLUMN membridge.waiting.key IS 'A hash of table, columns and values of the key, as their types compare';
COMMENT ON COLUMN membridge.waiting.woken IS 'The row was made since: the memory is to be applied again';
CREATE INDEX waiting_key ON membridge.waiting (relation, key);
CREATE INDEX waiting_woken ON membridge.waiting (project, mapping, source) WHERE woken;

-- No primary keys: nobody is to wait here for anybody.
CREATE TABLE membridge.sought (
    relation text  NOT NULL,
    columns  jsonb NOT NULL
);
COMMENT ON TABLE membridge.sought IS 'By which columns rows were ever looked for in vain: whoever makes a row notes its keys by these';

CREATE TABLE membridge.made (
    relation text   NOT NULL,
    key      bigint NOT NULL
);
COMMENT ON TABLE membridge.made IS 'Keys under which rows are found since, until those that wait for them have been told';
