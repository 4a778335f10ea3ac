-- A lease is free as soon as the session of its holder is gone, and not only when its time is up: a process that was killed held work up for a
-- minute. An older binary leaves the session unnamed, and its lease runs out as before.
-- Runs beside: 16

ALTER TABLE membridge.leases ADD COLUMN session_of uuid, ADD COLUMN session_pid integer, ADD COLUMN session_began timestamptz;
COMMENT ON COLUMN membridge.leases.session_of IS 'The holder whose session the next two name; another than `holder`: nothing is known of its session';
