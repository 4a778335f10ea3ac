-- Where several rows match a mapping's key, a person may say which of them a user's memories mean. An older binary parks such memories.
-- Runs beside: 9

CREATE TABLE membridge.choices (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project   text        NOT NULL,
    mapping   text        NOT NULL,
    row_name  text        NOT NULL,
    speaker   text        NOT NULL,
    relation  text        NOT NULL,
    identity  jsonb       NOT NULL,
    chosen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE membridge.choices IS 'Which row a user''s memories mean where several match the key, as a person said';
COMMENT ON COLUMN membridge.choices.speaker IS 'The user; of a memory that belongs to nobody, and of exports and events, the source';
CREATE INDEX choices_speaker ON membridge.choices (hashtextextended(speaker, 0));
