-- Schedules that people paused, and what all runs of a backfill came to, those included that are forgotten by now.

ALTER TABLE membridge.backfill_schedules ADD COLUMN paused_at timestamptz;
COMMENT ON COLUMN membridge.backfill_schedules.paused_at IS 'Since when its moments are let pass; nothing: it is in force';

CREATE TABLE membridge.backfill_totals (
    name             text COLLATE "C" NOT NULL PRIMARY KEY,
    done             bigint NOT NULL DEFAULT 0,
    failed           bigint NOT NULL DEFAULT 0,
    cancelled        bigint NOT NULL DEFAULT 0,
    repaired_added   bigint NOT NULL DEFAULT 0,
    repaired_updated bigint NOT NULL DEFAULT 0,
    repaired_deleted bigint NOT NULL DEFAULT 0,
    done_at          timestamptz
);
COMMENT ON TABLE membridge.backfill_totals IS 'Runs by how they ended, and what sweeps had to repair; dry runs do not count';
COMMENT ON COLUMN membridge.backfill_totals.done_at IS 'When the last run was done';
