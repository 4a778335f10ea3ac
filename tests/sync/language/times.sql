CREATE TABLE stamps (handle text PRIMARY KEY, made timestamp DEFAULT now(), said timestamp, zoned timestamptz, seconds bigint, millis bigint, shown timestamp,
  day date, clock time, zone text DEFAULT current_setting('TimeZone'), moved text);
CREATE FUNCTION note_zone() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.moved = current_setting('TimeZone'); RETURN NEW; END$$;
CREATE TRIGGER note_zone BEFORE UPDATE ON stamps FOR EACH ROW EXECUTE FUNCTION note_zone();
