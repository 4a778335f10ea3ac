-- Changes that an endpoint of a feed refuses. What comes behind goes on, but for later changes of the same row. A binary that does not know the
-- table may run beside: it posts later changes of such a row without waiting; all of them are posted again, in order, once the refused one is taken.
-- Runs beside: 8

CREATE TABLE membridge.feed_parked (
    feed        text        NOT NULL REFERENCES membridge.feeds ON DELETE CASCADE,
    seq         bigint      NOT NULL,
    relation    text        NOT NULL,
    key         jsonb       NOT NULL,
    message     uuid        NOT NULL,
    since       timestamptz NOT NULL,
    attempts    integer     NOT NULL,
    next_at     timestamptz,
    last_status integer,
    last_error  text,
    PRIMARY KEY (feed, seq)
);
COMMENT ON TABLE membridge.feed_parked IS 'Rows whose next change an endpoint refuses: `seq` is that change, and later ones of the row wait behind it';
COMMENT ON COLUMN membridge.feed_parked.next_at IS 'When it is tried again; NULL: now';
