CREATE TABLE events (event_id uuid NOT NULL, at timestamptz NOT NULL, kind text NOT NULL, who text, PRIMARY KEY (event_id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_all PARTITION OF events DEFAULT;
CREATE TABLE daily (day date NOT NULL, category text NOT NULL, events integer NOT NULL DEFAULT 0, chars bigint, score numeric(10,2), PRIMARY KEY (day, category));
