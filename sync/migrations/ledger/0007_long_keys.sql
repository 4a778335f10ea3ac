-- No value may be too long for an index of ours: a row's identity is found by two hashes of it, which agree whenever identities are equal, and
-- compared in full. Statements of the release before find their rows by table alone until they are stopped, which is slower and as right.

CREATE UNIQUE INDEX rows_identity ON membridge.rows (relation, jsonb_hash_extended(identity, 0), jsonb_hash_extended(identity, 1));
ALTER TABLE membridge.rows DROP CONSTRAINT rows_relation_identity_key;

CREATE UNIQUE INDEX versions_identity
    ON membridge.versions (relation, jsonb_hash_extended(identity, 0), jsonb_hash_extended(identity, 1), project, source);
ALTER TABLE membridge.versions DROP CONSTRAINT versions_pkey;
ALTER TABLE membridge.versions REPLICA IDENTITY FULL;

CREATE UNIQUE INDEX released_identity
    ON membridge.released (relation, jsonb_hash_extended(identity, 0), jsonb_hash_extended(identity, 1), project, source);
ALTER TABLE membridge.released DROP CONSTRAINT released_pkey;
ALTER TABLE membridge.released REPLICA IDENTITY FULL;
