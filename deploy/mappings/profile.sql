-- A profile per user. Its column types, lengths and comments decide what Mem0 is asked for. Written for profile.yaml.
CREATE SCHEMA IF NOT EXISTS portal;

DO $$ BEGIN
    IF to_regtype('portal.level') IS NULL THEN CREATE TYPE portal.level AS ENUM ('beginner', 'advanced', 'expert'); END IF;
END $$;

CREATE TABLE IF NOT EXISTS portal.profiles (
    account       text PRIMARY KEY,
    display_name  varchar(60),
    home_town     text,
    level         portal.level,
    years_active  smallint CHECK (years_active BETWEEN 0 AND 90),
    languages     text[]      NOT NULL DEFAULT '{}',
    member_since  date,
    newsletter    boolean,
    settings      jsonb       NOT NULL DEFAULT '{}',
    updated_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN portal.profiles.newsletter IS 'Whether the person wants to receive the newsletter';
