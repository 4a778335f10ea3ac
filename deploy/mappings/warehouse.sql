-- A small warehouse: one fact per event, a counter per day, and a customer dimension in versions. Written for events.yaml and customers.yaml.
CREATE SCHEMA IF NOT EXISTS mart;

CREATE TABLE IF NOT EXISTS mart.customer (
    version_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer    text        NOT NULL,
    job         varchar(80),
    employer    varchar(80),
    stage       text CHECK (stage IN ('trial', 'customer', 'lost')),
    told_by     text,
    digest      text,
    valid_from  timestamptz NOT NULL DEFAULT '-infinity',
    valid_to    timestamptz NOT NULL DEFAULT 'infinity',
    is_current  boolean     NOT NULL GENERATED ALWAYS AS (valid_to = 'infinity') STORED
);
CREATE UNIQUE INDEX IF NOT EXISTS customer_version ON mart.customer (customer, valid_to);

CREATE TABLE IF NOT EXISTS mart.memory_event (
    event_id    uuid        NOT NULL,
    occurred_at timestamptz NOT NULL,
    kind        text        NOT NULL,
    memory_id   text        NOT NULL,
    version_id  bigint REFERENCES mart.customer (version_id),
    body        text,
    categories  text[]      NOT NULL DEFAULT '{}',
    PRIMARY KEY (event_id, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE TABLE IF NOT EXISTS mart.memory_event_rest PARTITION OF mart.memory_event DEFAULT;

CREATE TABLE IF NOT EXISTS mart.daily (
    day      date    NOT NULL,
    kind     text    NOT NULL,
    category text    NOT NULL,
    events   integer NOT NULL DEFAULT 0,
    letters  bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (day, kind, category)
);
