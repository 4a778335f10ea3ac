-- Every contribution was checked for its row by a query and a lock of its own, more work than the contribution itself. Who writes one holds
-- its row locked, so what remains to be kept is that contributions go with their row.
-- Runs beside: 8

CREATE FUNCTION membridge.forget_contributions() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM membridge.contributions WHERE row_id = ANY (ARRAY(SELECT id FROM forgotten));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION membridge.forget_contributions IS 'What sources gave a row goes with the row';
CREATE TRIGGER forget_contributions AFTER DELETE ON membridge.rows REFERENCING OLD TABLE AS forgotten
    FOR EACH STATEMENT EXECUTE FUNCTION membridge.forget_contributions();
ALTER TABLE membridge.contributions DROP CONSTRAINT contributions_row_id_fkey;
