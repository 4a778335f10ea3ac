CREATE TABLE accounts (sfid text PRIMARY KEY, name text, isdeleted boolean, systemmodstamp timestamptz);
CREATE TABLE posts (id text PRIMARY KEY, body text, deleteat bigint NOT NULL DEFAULT 0);
CREATE TABLE members (handle text PRIMARY KEY, nick text, active boolean DEFAULT false);
