CREATE TABLE plans (id serial PRIMARY KEY, who text, plan text, seats text, since timestamptz NOT NULL, until timestamptz, UNIQUE (who, since));
CREATE TABLE cards (who text PRIMARY KEY, nick text, mark text, seen timestamptz);
CREATE TABLE made (who text PRIMARY KEY, must text NOT NULL, nick text DEFAULT 'none');
CREATE TABLE required (who text PRIMARY KEY, must text NOT NULL, nick text);
CREATE TABLE items (ref text PRIMARY KEY, name text);
