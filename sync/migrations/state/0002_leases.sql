-- What only one process may do at a time, without a session lock (a transaction pooler has no sessions) and without a
-- transaction that stays open while somebody else's server is asked.

CREATE TABLE membridge.leases (
    name       text        NOT NULL PRIMARY KEY,
    holder     uuid        NOT NULL,
    held_until timestamptz NOT NULL
);
COMMENT ON TABLE membridge.leases IS 'Work that one process does at a time; a lease whose holder died runs out by itself';
