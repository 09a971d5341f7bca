-- Where the source of a connection sends what has changed: the SHA-256 of the secret in the address. No row: nowhere.
CREATE TABLE push_address (
    connection_id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    delivered_at INTEGER,
    deliveries INTEGER NOT NULL DEFAULT 0,
    ignored INTEGER NOT NULL DEFAULT 0,
    refused_at INTEGER
) WITHOUT ROWID;

-- Records that deliveries have named; `key` is a JSON list of the parts of the source's key, `[]` the whole entity.
-- `told` counts how often one was named while it waits, so that what is named while it is being read is read again.
-- `again`: read, and to be read once more when the pass over the entity that is under way has ended.
CREATE TABLE push_event (
    id INTEGER PRIMARY KEY,
    connection_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    key TEXT NOT NULL,
    change TEXT NOT NULL CHECK (change IN ('changed', 'deleted', 'unsaid')),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'again', 'done', 'failed')),
    told INTEGER NOT NULL DEFAULT 1,
    attempts INTEGER NOT NULL DEFAULT 0,
    received_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    finished_at INTEGER,
    outcome TEXT
);
CREATE UNIQUE INDEX push_event_open ON push_event (connection_id, entity, key) WHERE state IN ('waiting', 'again');
CREATE INDEX push_event_due ON push_event (due_at) WHERE state IN ('waiting', 'again');
CREATE INDEX push_event_connection ON push_event (connection_id, id);
