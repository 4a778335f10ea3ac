CREATE TABLE facts (
  region text NOT NULL,
  memory_id text NOT NULL,
  body text,
  happened date NOT NULL,
  PRIMARY KEY (region, memory_id, happened)) PARTITION BY LIST (region);
CREATE TABLE facts_eu PARTITION OF facts FOR VALUES IN ('de', 'fr') PARTITION BY RANGE (happened);
CREATE TABLE facts_eu_2026 PARTITION OF facts_eu FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE facts_us PARTITION OF facts FOR VALUES IN ('us');
