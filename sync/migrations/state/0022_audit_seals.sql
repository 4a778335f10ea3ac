-- Entries of the audit may be sealed with a key that the database never sees. An older binary writes entries without a seal, which
-- `membridge audit verify` notices once sealing has begun: configure the key when all processes know this migration.
-- Runs beside: 16

ALTER TABLE membridge.audit ADD COLUMN key_id text, ADD COLUMN seal text;
COMMENT ON COLUMN membridge.audit.key_id IS 'Which key of the key file sealed the entry; NULL: it is not sealed';
COMMENT ON COLUMN membridge.audit.seal IS 'HMAC-SHA256 of the hash with that key, hex';
