-- Rows that could not become records. `key` is that of the record; where it cannot be read, or where there is no row,
-- a question mark and a digest. `digest` is that of the row, so that the same one coming again is only counted.
CREATE TABLE rejected_row (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream_id INTEGER NOT NULL REFERENCES stream (id),
    key TEXT NOT NULL,
    digest BLOB NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    run_id TEXT,
    dismissed_at INTEGER,
    dismissed_by TEXT,
    dismissed_why TEXT,
    raw BLOB
);
CREATE UNIQUE INDEX rejected_row_key ON rejected_row (stream_id, key);
CREATE INDEX rejected_row_last ON rejected_row (last_at);

-- A stream that has rejected rows, or had some: how many are kept, how many were only counted, by which mapping they
-- were last tried. While they are tried again `retry_at` is when to go on, `retry_after` the last one done.
CREATE TABLE quarantine (
    stream_id INTEGER PRIMARY KEY REFERENCES stream (id),
    rows INTEGER NOT NULL,
    not_kept INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    retry_at INTEGER,
    retry_after INTEGER NOT NULL DEFAULT 0,
    retry_accepted INTEGER NOT NULL DEFAULT 0,
    retry_rejected INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX quarantine_retry ON quarantine (retry_at) WHERE retry_at IS NOT NULL;

-- Fields of the rows of a source, as sampled in passes. Samples are numbered: `first_sample` and `last_sample` are the
-- first and the last that had the field, `seen` how many had it.
CREATE TABLE source_field (
    stream_id INTEGER NOT NULL REFERENCES stream (id),
    path TEXT NOT NULL,
    kinds TEXT NOT NULL,
    samples TEXT NOT NULL,
    seen INTEGER NOT NULL,
    first_sample INTEGER NOT NULL,
    last_sample INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    missing INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (stream_id, path)
) WITHOUT ROWID;

-- How many rows of a stream were sampled so far.
CREATE TABLE source_sampling (
    stream_id INTEGER PRIMARY KEY REFERENCES stream (id),
    sampled INTEGER NOT NULL
);

-- What has changed in the rows of a source; one finding of a kind and path is open at a time.
CREATE TABLE drift (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream_id INTEGER NOT NULL REFERENCES stream (id),
    path TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('new', 'retyped', 'missing')),
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    noticed_at INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    acknowledged_at INTEGER,
    acknowledged_by TEXT
);
CREATE UNIQUE INDEX drift_open ON drift (stream_id, path, kind) WHERE acknowledged_at IS NULL;
CREATE INDEX drift_acknowledged ON drift (acknowledged_at) WHERE acknowledged_at IS NOT NULL;
