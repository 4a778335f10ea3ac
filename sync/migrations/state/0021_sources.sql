-- Projects whose memories are rows of a table of a self-hosted Mem0. An older binary leaves these tables alone.
-- Runs beside: 16

CREATE TABLE membridge.source_tables (
    project     text   COLLATE "C" NOT NULL PRIMARY KEY,
    relid       bigint NOT NULL,
    incarnation text   COLLATE "C",
    snapshot    text   COLLATE "C",
    lost        bigint NOT NULL DEFAULT 0,
    lost_before text   COLLATE "C",
    wanted      text,
    moved_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    mode        text   NOT NULL DEFAULT 'unknown',
    trouble     text   NOT NULL DEFAULT '',
    hint        text   NOT NULL DEFAULT '',
    log_entries bigint NOT NULL DEFAULT 0,
    told_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE membridge.source_tables IS 'The table each self-hosted project is read from, and how far its change log was taken';
COMMENT ON COLUMN membridge.source_tables.relid IS 'The oid of the table; a missing row of another table proves nothing';
COMMENT ON COLUMN membridge.source_tables.incarnation IS 'Which change log the snapshot is of; another one is taken from its beginning';
COMMENT ON COLUMN membridge.source_tables.snapshot IS 'Entries that this snapshot of the source database sees were made into marks';
COMMENT ON COLUMN membridge.source_tables.lost IS 'How many changes the triggers could not note, as far as known here';
COMMENT ON COLUMN membridge.source_tables.lost_before IS 'A transaction that lost one has an id below this; once all of them are over, everything is compared';
COMMENT ON COLUMN membridge.source_tables.wanted IS 'Why a full sweep must be queued; NULL: none need be';

COMMENT ON COLUMN membridge.source_tables.mode IS 'How changes are found: live (by the change log), polling, away; told by the process that looks';

CREATE TABLE membridge.source_deletions (
    project   text COLLATE "C" NOT NULL,
    memory_id text COLLATE "C" NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project, memory_id)
);
CREATE INDEX source_deletions_by_age ON membridge.source_deletions (at);
COMMENT ON TABLE membridge.source_deletions IS 'Memories whose deletion the change log told within two days: the guard against mass withdrawals lets them go';
