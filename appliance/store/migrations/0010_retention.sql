-- Tombstones that were erased: the highest `seq` of them, and the latest moment at which one of them was deleted.
ALTER TABLE stream ADD COLUMN erased_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stream ADD COLUMN erased_until INTEGER NOT NULL DEFAULT 0;

-- The last time each rule of retention was carried out to its end, and how many rows that erased.
CREATE TABLE retention_run (
    rule TEXT PRIMARY KEY,
    ran_at INTEGER NOT NULL,
    erased INTEGER NOT NULL
) WITHOUT ROWID;

-- Since when synchronization waits for free space on the disk; no row: it does not.
CREATE TABLE disk_pause (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    paused_at INTEGER NOT NULL,
    free INTEGER NOT NULL
);

-- Records that could not be mapped anew, since their row is no longer kept.
ALTER TABLE remapping ADD COLUMN without_row INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mapping_version ADD COLUMN without_row INTEGER NOT NULL DEFAULT 0;

-- What a run deleted is forgotten with the record.
CREATE INDEX tombstone_record ON tombstone (record_id);
