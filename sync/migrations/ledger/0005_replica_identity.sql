-- Beside a publication of all tables these could not be changed, for want of a key: who waits for a row was never told.
ALTER TABLE membridge.sought REPLICA IDENTITY FULL;
ALTER TABLE membridge.made REPLICA IDENTITY FULL;
