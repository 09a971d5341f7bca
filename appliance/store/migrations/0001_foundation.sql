-- Times are whole milliseconds since 1970 (UTC). Ids of domain rows are opaque text.

CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES ('seq', 0);

-- One stream is one entity of one connection. `live` counts its rows that are not deleted.
CREATE TABLE stream (
    id INTEGER PRIMARY KEY,
    connection_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    live INTEGER NOT NULL DEFAULT 0,
    UNIQUE (connection_id, entity)
);

-- `seq` is given at commit by the one writer: rows in order of `seq` are the change feed, each row at its
-- latest change. The wide columns stand last, so that reading the narrow ones does not load them.
CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    stream_id INTEGER NOT NULL REFERENCES stream (id),
    key TEXT NOT NULL,
    seq INTEGER NOT NULL,
    inserted_seq INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    deleted_at INTEGER,
    hash BLOB NOT NULL,
    payload TEXT NOT NULL,
    raw BLOB NOT NULL
);
CREATE UNIQUE INDEX record_key ON record (stream_id, key);
-- Lists and counts of what is there read these two alone; the feed holds the deleted ones too.
CREATE INDEX record_order ON record (stream_id) WHERE deleted_at IS NULL;
CREATE INDEX record_modified ON record (stream_id, modified_at) WHERE deleted_at IS NULL;
CREATE INDEX record_feed ON record (stream_id, seq);

-- What the rows of a stream have in common, so that each compresses to a fraction. The id stands in every
-- compressed row; a dictionary is never changed.
CREATE TABLE raw_dictionary (
    id INTEGER PRIMARY KEY,
    stream_id INTEGER NOT NULL UNIQUE REFERENCES stream (id),
    content BLOB NOT NULL
);

-- Secrets: one data key an owner, wrapped by a key-encryption key that never is in this file.
CREATE TABLE data_key (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL UNIQUE,
    kek_id TEXT NOT NULL,
    wrapped BLOB NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE TABLE secret (
    owner TEXT NOT NULL,
    field TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (owner, field)
) WITHOUT ROWID;

-- `part` is the connection's six hexadecimal digits inside every unified key.
CREATE TABLE connection (
    id TEXT PRIMARY KEY,
    part TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    email TEXT,
    system TEXT NOT NULL,
    hosting TEXT NOT NULL,
    tier INTEGER NOT NULL,
    credits INTEGER NOT NULL,
    status TEXT NOT NULL,
    status_reason TEXT,
    status_at INTEGER NOT NULL,
    fields TEXT NOT NULL,
    historical_days INTEGER NOT NULL,
    metadata TEXT NOT NULL DEFAULT '[]',
    tags TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    connected_at INTEGER NOT NULL,
    disconnected_at INTEGER
);
CREATE INDEX connection_status ON connection (status);

-- Only the SHA-256 of a token is kept.
CREATE TABLE token (
    id TEXT PRIMARY KEY,
    connection_id TEXT NOT NULL REFERENCES connection (id),
    hash BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    revoked_reason TEXT,
    last_used_at INTEGER
);
CREATE INDEX token_connection ON token (connection_id);

-- Append-only. A connection takes once and returns once.
CREATE TABLE credit_entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('grant', 'revoke', 'take', 'return')),
    amount INTEGER NOT NULL CHECK (amount >= 0),
    connection_id TEXT,
    source TEXT,
    note TEXT NOT NULL
);
CREATE UNIQUE INDEX credit_once ON credit_entry (connection_id, kind) WHERE connection_id IS NOT NULL;
CREATE TRIGGER credit_entry_is_not_changed BEFORE UPDATE ON credit_entry
    BEGIN SELECT RAISE(ABORT, 'the credit ledger is append-only'); END;
CREATE TRIGGER credit_entry_is_not_deleted BEFORE DELETE ON credit_entry
    BEGIN SELECT RAISE(ABORT, 'the credit ledger is append-only'); END;
-- INSERT OR REPLACE deletes without the trigger above.
CREATE TRIGGER credit_entry_is_not_replaced BEFORE INSERT ON credit_entry
    WHEN EXISTS (SELECT 1 FROM credit_entry WHERE id = NEW.id)
        OR EXISTS (SELECT 1 FROM credit_entry WHERE connection_id = NEW.connection_id AND kind = NEW.kind)
    BEGIN SELECT RAISE(ABORT, 'the credit ledger is append-only'); END;

CREATE TABLE entitlement (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    imported_at INTEGER NOT NULL
);

-- What the scheduler and the runner know of a stream. The next incremental pass begins at `watermark`, a time, or
-- for sources that count or hand out tokens at `mark`, JSON that only the connector understands.
CREATE TABLE schedule (
    stream_id INTEGER PRIMARY KEY REFERENCES stream (id),
    connection_id TEXT NOT NULL REFERENCES connection (id),
    entity TEXT NOT NULL,
    interval_seconds INTEGER NOT NULL,
    next_due_at INTEGER,
    watermark INTEGER,
    mark TEXT,
    last_success_at INTEGER,
    last_error TEXT,
    failures INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX schedule_due ON schedule (next_due_at);
CREATE INDEX schedule_connection ON schedule (connection_id);

CREATE TABLE run (
    id TEXT PRIMARY KEY,
    connection_id TEXT NOT NULL REFERENCES connection (id),
    mode TEXT NOT NULL,
    trigger TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    lease_owner TEXT,
    lease_until INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX run_state ON run (state, created_at);
CREATE INDEX run_connection ON run (connection_id, created_at);

-- One entity of a run. `checkpoint` says where its pass goes on after the last committed page, `mark` what becomes
-- the mark of the stream when the pass succeeds.
CREATE TABLE run_entity (
    run_id TEXT NOT NULL REFERENCES run (id),
    entity TEXT NOT NULL,
    position INTEGER NOT NULL,
    state TEXT NOT NULL,
    pass_started_at INTEGER,
    since INTEGER,
    since_mark TEXT,
    checkpoint TEXT,
    mark TEXT,
    expected INTEGER,
    fetched INTEGER NOT NULL DEFAULT 0,
    inserted INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    pages INTEGER NOT NULL DEFAULT 0,
    requests INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    started_at INTEGER,
    progress_at INTEGER,
    finished_at INTEGER,
    error_code TEXT,
    error_message TEXT,
    PRIMARY KEY (run_id, entity)
) WITHOUT ROWID;

-- What an administrator should know of an entity of a run though the run went on.
CREATE TABLE run_notice (
    run_id TEXT NOT NULL REFERENCES run (id),
    entity TEXT NOT NULL,
    message TEXT NOT NULL,
    noted_at INTEGER NOT NULL,
    PRIMARY KEY (run_id, entity, message)
) WITHOUT ROWID;

CREATE TABLE account (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    locked_until INTEGER
);

CREATE TABLE session (
    hash BLOB PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    csrf TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

-- The one-time link of the first run. At most one row.
CREATE TABLE bootstrap (
    hash BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Keys of the account for `/api/system`; only their SHA-256 is kept.
CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER
);
