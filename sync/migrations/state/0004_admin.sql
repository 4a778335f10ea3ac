-- Who may ask the admin API, and what was done or attempted through it and through the commands.

CREATE TABLE membridge.admin_tokens (
    id         uuid        NOT NULL PRIMARY KEY,
    name       text COLLATE "C" NOT NULL,
    role       text        NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    hash       text        NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text        NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used  timestamptz
);
COMMENT ON TABLE membridge.admin_tokens IS 'Tokens of the admin API that are not in the configuration';
COMMENT ON COLUMN membridge.admin_tokens.hash IS 'SHA-256 of the token, hex; the token itself is stored nowhere';
-- A name tells tokens apart in the audit, so two that work never share one.
CREATE UNIQUE INDEX admin_tokens_name ON membridge.admin_tokens (name) WHERE revoked_at IS NULL;

CREATE TABLE membridge.audit (
    number   bigint      NOT NULL PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor    text        NOT NULL,
    role     text        NOT NULL,
    source   text        NOT NULL,
    action   text        NOT NULL,
    object   text        NOT NULL,
    outcome  text        NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
    detail   text        NOT NULL,
    previous text        NOT NULL,
    hash     text        NOT NULL
);
COMMENT ON TABLE membridge.audit IS 'Every change an operator made or tried; append-only, each entry vouches for the one before';
COMMENT ON COLUMN membridge.audit.detail IS 'A JSON object as text, byte for byte as it was hashed; no secrets, memory text or row values';
COMMENT ON COLUMN membridge.audit.hash IS 'SHA-256 over the previous hash and this entry, hex';

-- The newest entry: whoever appends locks this row, and a chain whose end was cut off no longer reaches it.
CREATE TABLE membridge.audit_head (
    single boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (single),
    number bigint  NOT NULL,
    hash   text    NOT NULL
);
INSERT INTO membridge.audit_head (number, hash) VALUES (0, '');

CREATE FUNCTION membridge.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'membridge.% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON membridge.audit
    FOR EACH STATEMENT EXECUTE FUNCTION membridge.refuse_change();
CREATE TRIGGER audit_head_stays BEFORE DELETE OR TRUNCATE ON membridge.audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION membridge.refuse_change();
