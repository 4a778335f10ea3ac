CREATE SCHEMA "Crm";
CREATE DOMAIN "Crm"."Email" AS text CHECK (VALUE LIKE '%@%');
CREATE TYPE "Crm"."Stage" AS ENUM ('New', 'won', 'LOST');
CREATE TABLE "Crm"."Person" (
  "personId" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  "nameFirst" text NOT NULL,
  "nameLast" text NOT NULL,
  "fullName" text GENERATED ALWAYS AS ("nameFirst" || ' ' || "nameLast") STORED,
  "emailsPrimary" "Crm"."Email",
  stage "Crm"."Stage" NOT NULL DEFAULT 'New',
  score numeric(6,2) NOT NULL DEFAULT 0,
  born date,
  seen timestamp,
  "deletedAt" timestamptz);
CREATE UNIQUE INDEX ON "Crm"."Person" ("emailsPrimary") WHERE "deletedAt" IS NULL;
