CREATE TABLE accounts (
  handle text PRIMARY KEY,
  nick text,
  tags text[],
  balance integer NOT NULL DEFAULT 0 CHECK (balance >= 0),
  locked boolean NOT NULL DEFAULT false,
  changes integer NOT NULL DEFAULT 0);
CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.nick = 'admin' THEN RAISE EXCEPTION 'the nick % is reserved', NEW.nick USING HINT = 'choose another one'; END IF;
  IF TG_OP = 'UPDATE' AND OLD.locked THEN RETURN NULL; END IF;
  NEW.nick := trim(lower(NEW.nick));
  NEW.tags := ARRAY(SELECT lower(t) FROM unnest(NEW.tags) AS t ORDER BY 1);
  NEW.changes := NEW.changes + 1;
  RETURN NEW;
END $$;
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION guard();
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.balance > 0 THEN RAISE EXCEPTION 'account % still has money', OLD.handle; END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER keep BEFORE DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION keep();
