-- What goes with a row was looked for by plans that a session made once, perhaps when there was nothing to look through: it then read all
-- contributions and all former speakers for every batch of rows that went. Now indexes are used whatever the plan was made for, and former
-- speakers go as contributions do, with no query and no lock for each that is noted.
-- Runs beside: 8

CREATE OR REPLACE FUNCTION membridge.forget_contributions() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog SET enable_seqscan = off SET jit = off AS $$
BEGIN
    DELETE FROM membridge.contributions WHERE row_id = ANY (ARRAY(SELECT id FROM forgotten));
    DELETE FROM membridge.former_speakers WHERE row_id = ANY (ARRAY(SELECT id FROM forgotten));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION membridge.forget_contributions IS 'What sources gave a row, and who spoke for it, goes with the row';
ALTER TABLE membridge.former_speakers DROP CONSTRAINT former_speakers_row_id_fkey;
