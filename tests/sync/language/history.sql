CREATE EXTENSION btree_gist;
CREATE TABLE dim_customer (
  customer_sk bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id text NOT NULL,
  job text,
  company text,
  country char(2) NOT NULL DEFAULT 'GB',
  notes jsonb NOT NULL DEFAULT '{}',
  row_hash text,
  valid_from timestamptz NOT NULL DEFAULT '-infinity',
  valid_to timestamptz NOT NULL DEFAULT 'infinity',
  is_current boolean GENERATED ALWAYS AS (valid_to = 'infinity') STORED,
  EXCLUDE USING gist (customer_id WITH =, tstzrange(valid_from, valid_to) WITH &&));
CREATE UNIQUE INDEX ON dim_customer (customer_id) WHERE valid_to = 'infinity';
