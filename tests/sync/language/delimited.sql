CREATE TABLE leads (handle text PRIMARY KEY, topics text, tags text, attrs jsonb, spaced text);
CREATE TABLE grants (user_id text NOT NULL, role_id int NOT NULL, note text);
CREATE SCHEMA "my.schema";
CREATE TABLE "my.schema"."my.table" (handle text PRIMARY KEY, a text);
