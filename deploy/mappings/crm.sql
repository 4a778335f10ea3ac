-- A CRM with mixed-case names and a trash: people, companies, notes, and which note is about whom. Written for crm.yaml.
CREATE SCHEMA IF NOT EXISTS "salesApp";

CREATE TABLE IF NOT EXISTS "salesApp"."Company" (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name        text        NOT NULL DEFAULT '',
    domain      text,
    "updatedAt" timestamptz NOT NULL DEFAULT now(),
    "deletedAt" timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS company_domain ON "salesApp"."Company" (domain) WHERE "deletedAt" IS NULL;

CREATE TABLE IF NOT EXISTS "salesApp"."Person" (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "nameFirst"   text        NOT NULL DEFAULT '',
    "nameLast"    text        NOT NULL DEFAULT '',
    email         text,
    "jobTitle"    text        NOT NULL DEFAULT '',
    "companyId"   uuid REFERENCES "salesApp"."Company" (id),
    interests     text[]      NOT NULL DEFAULT '{}',
    "updatedAt"   timestamptz NOT NULL DEFAULT now(),
    "deletedAt"   timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS person_email ON "salesApp"."Person" (email) WHERE "deletedAt" IS NULL;

CREATE TABLE IF NOT EXISTS "salesApp"."Note" (
    id          uuid PRIMARY KEY,
    title       text        NOT NULL,
    body        text        NOT NULL,
    "updatedAt" timestamptz NOT NULL DEFAULT now(),
    "deletedAt" timestamptz
);

CREATE TABLE IF NOT EXISTS "salesApp"."NoteAbout" (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "noteId"    uuid NOT NULL REFERENCES "salesApp"."Note" (id),
    "personId"  uuid NOT NULL REFERENCES "salesApp"."Person" (id),
    "deletedAt" timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS note_about_once ON "salesApp"."NoteAbout" ("noteId", "personId");
