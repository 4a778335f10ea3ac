CREATE TABLE answers (
  person text PRIMARY KEY,
  value text, "valueNumber" integer,
  street text, zip text, city text,
  attrs jsonb NOT NULL DEFAULT '{}');
