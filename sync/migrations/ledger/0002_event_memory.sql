-- An event is known by its own id; which memory it was about is kept beside it, to explain it and to forget a person.
ALTER TABLE membridge.sources ADD COLUMN memory text;
COMMENT ON COLUMN membridge.sources.memory IS 'Of an event: the memory it was about';
CREATE INDEX sources_memory ON membridge.sources (project, memory) WHERE memory IS NOT NULL;
