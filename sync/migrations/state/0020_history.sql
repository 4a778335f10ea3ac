-- How many memories and deliveries met which fate, and how long rows took, by five minutes for a week, so that a chart reaches further back
-- than the process that draws it. Numbers only. An older binary adds nothing.
-- Runs beside: 16

CREATE TABLE membridge.history (
    at         timestamptz NOT NULL PRIMARY KEY,
    deliveries bigint      NOT NULL,
    fates      bigint[]    NOT NULL,
    lags       bigint[]    NOT NULL,
    parked     bigint
);
COMMENT ON TABLE membridge.history IS 'What all processes did within five minutes from each moment; a week is kept';
COMMENT ON COLUMN membridge.history.deliveries IS 'Deliveries folded into the queue';
COMMENT ON COLUMN membridge.history.fates IS 'Memories applied, unchanged, withdrawn, parked, retried';
COMMENT ON COLUMN membridge.history.lags IS 'Memories by how long they took from the mark of a delivery to committed rows, in the buckets of membridge_delivery_to_row_seconds';
COMMENT ON COLUMN membridge.history.parked IS 'The most memories that were parked at once; NULL: nobody looked';

CREATE FUNCTION membridge.counts_with(counts bigint[], others bigint[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    SELECT array_agg(coalesce(a, 0) + coalesce(b, 0) ORDER BY place) FROM unnest(counts, others) WITH ORDINALITY AS both_(a, b, place)
$$;
COMMENT ON FUNCTION membridge.counts_with IS 'Two lists of counts, added place by place';
