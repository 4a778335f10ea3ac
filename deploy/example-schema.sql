-- A small CRM, as an example of tables the bridge writes to. It knows nothing of Membridge: its people and its own programs write
-- here too, and what they write stays. Running this file again changes nothing.

CREATE SCHEMA IF NOT EXISTS crm;

CREATE TABLE IF NOT EXISTS crm.contacts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_ref    text UNIQUE,
    name        text,
    email       text,
    phone       varchar(32),
    company     text,
    preferences jsonb       NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN crm.contacts.user_ref IS 'The name the assistant knows this person by';

CREATE TABLE IF NOT EXISTS crm.notes (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    contact_id bigint      NOT NULL REFERENCES crm.contacts (id),
    memory_ref text UNIQUE,
    body       text        NOT NULL,
    author     text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS crm.tags (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);

CREATE TABLE IF NOT EXISTS crm.contact_tags (
    contact_id bigint      NOT NULL REFERENCES crm.contacts (id),
    tag_id     bigint      NOT NULL REFERENCES crm.tags (id),
    added_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (contact_id, tag_id)
);
