CREATE TABLE people (
  handle text PRIMARY KEY,
  city text,
  job text NOT NULL DEFAULT 'none',
  updated_at timestamptz NOT NULL DEFAULT '2020-01-01');
CREATE TABLE plain (handle text PRIMARY KEY, city text);
