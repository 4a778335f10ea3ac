-- Cells where a memory says one thing and a person wrote another, so that a person can be asked which of the two is right. An older
-- binary leaves the column alone.
-- Runs beside: 8

ALTER TABLE membridge.rows ADD COLUMN kept jsonb;
COMMENT ON COLUMN membridge.rows.kept IS 'By cell: since when a memory and a person disagree (s), whether a person chose the memory''s value and it is not written yet (t), and digests of what memories said and a person refused (d)';
CREATE INDEX rows_kept ON membridge.rows (id) WHERE kept IS NOT NULL;
