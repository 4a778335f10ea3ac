DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'membridge_test_writer') THEN CREATE ROLE membridge_test_writer; END IF;
END $$;
CREATE SCHEMA tenant_one;
CREATE TABLE tenant_one.people (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant integer NOT NULL,
  handle text NOT NULL,
  city text,
  written_by text,
  app text);
CREATE FUNCTION tenant_one.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.written_by := current_user;
  NEW.app := current_setting('app.name', true);
  RETURN NEW;
END $$;
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON tenant_one.people FOR EACH ROW EXECUTE FUNCTION tenant_one.stamp();
ALTER TABLE tenant_one.people ENABLE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON tenant_one.people USING (tenant = current_setting('app.tenant_id')::integer)
  WITH CHECK (tenant = current_setting('app.tenant_id')::integer AND city IS DISTINCT FROM 'Atlantis');
GRANT USAGE ON SCHEMA tenant_one TO membridge_test_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenant_one.people TO membridge_test_writer;
