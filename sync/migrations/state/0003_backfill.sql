-- Runs of exports and sweeps, and what they must remember between two pages.

-- Every run takes the next number when it is claimed: a runner that lost its lease can commit nothing any more.
CREATE SEQUENCE membridge.backfill_fence;

CREATE TABLE membridge.backfill_runs (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text COLLATE "C" NOT NULL,
    project       text COLLATE "C" NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('export', 'incremental_sweep', 'full_sweep')),
    state         text        NOT NULL CHECK (state IN ('queued', 'running', 'paused', 'cancelled', 'done', 'failed')),
    options       jsonb       NOT NULL DEFAULT '{}',
    scheduled_for timestamptz,
    due_at        timestamptz NOT NULL,
    queued_at     timestamptz NOT NULL,
    started_at    timestamptz,
    finished_at   timestamptz,
    cursor        jsonb       NOT NULL DEFAULT '{}',
    counters      jsonb       NOT NULL DEFAULT '{}',
    done          bigint      NOT NULL DEFAULT 0,
    total         bigint,
    worked_ms     bigint      NOT NULL DEFAULT 0,
    wanted        text        CHECK (wanted IN ('pause', 'cancel')),
    holder        text,
    held_until    timestamptz,
    fence         bigint,
    failures      integer     NOT NULL DEFAULT 0,
    error         text
);
COMMENT ON TABLE membridge.backfill_runs IS 'Exports and sweeps: those to come, those under way and those that were';
COMMENT ON COLUMN membridge.backfill_runs.scheduled_for IS 'The moment of the schedule it stands for; nothing when a person asked';
COMMENT ON COLUMN membridge.backfill_runs.cursor IS 'Where to go on; moves in the same transaction as what the page before did';
COMMENT ON COLUMN membridge.backfill_runs.held_until IS 'The lease: until then only the holder goes on with the run';
COMMENT ON COLUMN membridge.backfill_runs.wanted IS 'What a person asked of a run under way; honoured with its next page';
-- Runs of one name never overlap, and of many processes one makes the run of a moment.
CREATE UNIQUE INDEX backfill_runs_active ON membridge.backfill_runs (name) WHERE state IN ('queued', 'running', 'paused');
CREATE UNIQUE INDEX backfill_runs_moment ON membridge.backfill_runs (name, scheduled_for) WHERE scheduled_for IS NOT NULL;
CREATE INDEX backfill_runs_history ON membridge.backfill_runs (name, id);

CREATE TABLE membridge.backfill_schedules (
    name     text COLLATE "C" NOT NULL PRIMARY KEY,
    schedule text        NOT NULL,
    since    timestamptz NOT NULL
);
COMMENT ON TABLE membridge.backfill_schedules IS 'Since when a schedule is in force: moments before that are not made up for';

CREATE TABLE membridge.sweep_watermarks (
    project   text COLLATE "C" NOT NULL PRIMARY KEY,
    watermark timestamptz NOT NULL
);
COMMENT ON TABLE membridge.sweep_watermarks IS 'Every change at Mem0 before this was seen by a walk that came to its end';

-- The ids a walk has met. Unlogged: a crash of PostgreSQL empties it, the walk then notices that ids are missing and starts again.
CREATE UNLOGGED TABLE membridge.sweep_seen (
    run       bigint   NOT NULL,
    bucket    smallint NOT NULL,
    memory_id text COLLATE "C" NOT NULL,
    walk      smallint NOT NULL,
    PRIMARY KEY (run, bucket, memory_id)
);

CREATE TABLE membridge.sweep_doubts (
    run       bigint   NOT NULL REFERENCES membridge.backfill_runs (id) ON DELETE CASCADE,
    bucket    smallint NOT NULL,
    memory_id text COLLATE "C" NOT NULL,
    digest    text,
    PRIMARY KEY (run, bucket, memory_id)
);
COMMENT ON TABLE membridge.sweep_doubts IS 'Memories a sweep left to be read once more, with the mirror''s digest before: the run counts what came of them';

CREATE TABLE membridge.export_jobs (
    run       bigint NOT NULL REFERENCES membridge.backfill_runs (id) ON DELETE CASCADE,
    entity    text COLLATE "C" NOT NULL,
    state     text   NOT NULL CHECK (state IN ('waiting', 'asked', 'made', 'done', 'parked', 'failed')),
    export_id text,
    asks      integer NOT NULL DEFAULT 0,
    polls     integer NOT NULL DEFAULT 0,
    asked_at  timestamptz,
    due_at    timestamptz NOT NULL,
    note      text,
    PRIMARY KEY (run, entity)
);
COMMENT ON TABLE membridge.export_jobs IS 'One export per user and run; asked: Mem0 was asked for it and the answer is not known';
CREATE INDEX export_jobs_open ON membridge.export_jobs (run, due_at) WHERE state IN ('waiting', 'asked', 'made');

CREATE TABLE membridge.exported (
    project   text COLLATE "C" NOT NULL,
    mapping   text COLLATE "C" NOT NULL,
    entity    text COLLATE "C" NOT NULL,
    asked     text        NOT NULL,
    asked_at  timestamptz NOT NULL,
    export_id text        NOT NULL,
    PRIMARY KEY (project, mapping, entity)
);
COMMENT ON TABLE membridge.exported IS 'The last export of each user: who changed since is asked for again';
COMMENT ON COLUMN membridge.exported.asked IS 'Digest of schema and instructions: a different question is asked of everybody';
