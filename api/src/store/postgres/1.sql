CREATE TABLE secretarybird_rows (
    key bytea PRIMARY KEY,
    value bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- what decisions lock: a scope has a slot
CREATE TABLE secretarybird_locks (slot integer PRIMARY KEY);
INSERT INTO secretarybird_locks SELECT generate_series(0, 1023);
