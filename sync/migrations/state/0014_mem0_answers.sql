-- What the bridge must remember to tell Mem0's answers from those of somebody else.

CREATE TABLE membridge.mem0_projects (
    project    text COLLATE "C" NOT NULL PRIMARY KEY,
    org_id     text        NOT NULL,
    project_id text        NOT NULL,
    known_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE membridge.mem0_projects IS
    'Which project at Mem0 each of ours is, as the first ping told; a key of another one is refused until somebody adopts it';

CREATE TABLE membridge.contradictions (
    project   text COLLATE "C" NOT NULL,
    memory_id text COLLATE "C" NOT NULL,
    since     timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project, memory_id)
);
COMMENT ON TABLE membridge.contradictions IS
    'Memories that Mem0 says it does not have while its list still has them, or cannot be had';

CREATE TABLE membridge.vanished (
    project   text COLLATE "C" NOT NULL,
    memory_id text COLLATE "C" NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    held      boolean     NOT NULL,
    PRIMARY KEY (project, memory_id)
);
COMMENT ON TABLE membridge.vanished IS
    'Memories that are gone at Mem0 without a DELETE delivery: withdrawn in the last hour, or held by the guard against mass withdrawals';

ALTER TABLE membridge.erasures ADD COLUMN lifted_at timestamptz;
COMMENT ON COLUMN membridge.erasures.lifted_at IS 'Since when the person is admitted again, by their own wish';
