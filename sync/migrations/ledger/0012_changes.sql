-- The change feed: what the bridge changed in rows of the target, written in the transaction that changes them. Without `feed` nothing is ever
-- written here. A binary that does not know it may run beside: the rows it changes are not told.
-- Runs beside: 8

CREATE TABLE membridge.changes (
    id       uuid        NOT NULL,
    seq      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid      xid8        NOT NULL DEFAULT pg_current_xact_id(),
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    project  text        NOT NULL,
    mapping  text        NOT NULL,
    relation text        NOT NULL,
    key      jsonb       NOT NULL,
    op       text        NOT NULL CHECK (op IN ('insert', 'update', 'delete')),
    cells    jsonb       NOT NULL
);
CREATE INDEX changes_xid ON membridge.changes (xid);
COMMENT ON TABLE membridge.changes IS 'What the bridge changed: one entry per row and transaction; entries leave by `targets.NAME.feed.retention`';
COMMENT ON COLUMN membridge.changes.seq IS 'Drawn while the row is locked: it orders the changes of one row. Entries of different rows may become visible in another order';
COMMENT ON COLUMN membridge.changes.xid IS 'The transaction that wrote it: read what is visible in a snapshot and was not in the one before, never what is above a number';
COMMENT ON COLUMN membridge.changes.cells IS 'By column: what it held (old), what it holds (new), and the memory that says so (memory)';

-- How far each endpoint has been told. Entries that are visible in `done` are behind it. Those visible in `upto` and not in `done` are posted in
-- the order of `seq`, and `last_seq` of them are posted; then `done` becomes `upto`.
CREATE TABLE membridge.feeds (
    name            text        PRIMARY KEY,
    place           text        NOT NULL,
    filter          jsonb       NOT NULL DEFAULT '{}',
    done            pg_snapshot,
    upto            pg_snapshot,
    last_seq        bigint      NOT NULL DEFAULT 0,
    end_seq         bigint      NOT NULL DEFAULT 0,
    message         uuid,
    message_seq     bigint,
    attempts        integer     NOT NULL DEFAULT 0,
    failing_since   timestamptz,
    next_at         timestamptz,
    paused_at       timestamptz,
    paused_by       text,
    last_status     integer,
    last_error      text,
    posted          bigint      NOT NULL DEFAULT 0,
    posted_at       timestamptz
);
COMMENT ON TABLE membridge.feeds IS 'The endpoints of `feeds`, and how far each has been told';
COMMENT ON COLUMN membridge.feeds.place IS 'Where the database was when the snapshots were taken: in a copy they mean nothing';
COMMENT ON COLUMN membridge.feeds.message IS 'The message under way: its webhook-id, which every attempt has, and the last entry in it';
