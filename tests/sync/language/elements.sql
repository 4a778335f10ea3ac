CREATE TYPE mood AS ENUM ('calm', 'Brave', 'it''s');
CREATE TABLE people (
  handle text PRIMARY KEY,
  skills text[] NOT NULL DEFAULT '{}',
  moods mood[],
  tags jsonb,
  attrs jsonb NOT NULL DEFAULT '{}');
