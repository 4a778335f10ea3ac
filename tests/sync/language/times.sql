CREATE TABLE stamps (handle text PRIMARY KEY, made timestamp DEFAULT now(), said timestamp, zoned timestamptz, seconds bigint, millis bigint, shown timestamp);
