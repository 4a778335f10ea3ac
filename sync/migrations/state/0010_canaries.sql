-- Marked memories that prove the way from Mem0 to the inbox: one row a project, the same for all processes.

CREATE TABLE membridge.canaries (
    project      text COLLATE "C" NOT NULL PRIMARY KEY,
    memory_id    text,
    let_out_at   timestamptz,
    due_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    last         text        NOT NULL DEFAULT 'none' CHECK (last IN ('none', 'heard', 'lost', 'failed')),
    last_at      timestamptz,
    heard_ms     bigint      NOT NULL DEFAULT 0,
    misses       integer     NOT NULL DEFAULT 0
);
COMMENT ON TABLE membridge.canaries IS 'The marked memory that is out, and what became of the one before';
