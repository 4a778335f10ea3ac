CREATE TABLE people (
  handle text PRIMARY KEY,
  first text, last text,
  display text,
  initial text NOT NULL DEFAULT '?',
  seen integer NOT NULL DEFAULT 0);
CREATE TABLE welcomes (handle text PRIMARY KEY REFERENCES people (handle), body text NOT NULL);
