-- What may be handed on to the source of a connection: a JSON list of `METHOD /pattern`. No row: nothing.
CREATE TABLE passthrough_rule (
    connection_id TEXT PRIMARY KEY,
    rules TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL
) WITHOUT ROWID;

-- Every request that was handed on or refused; `what` is a path without its query, or the text of a query.
CREATE TABLE passthrough_call (
    id INTEGER PRIMARY KEY,
    connection_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    caller TEXT NOT NULL,
    request_id TEXT NOT NULL,
    method TEXT NOT NULL,
    what TEXT NOT NULL,
    status INTEGER,
    milliseconds INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    error TEXT
);
CREATE INDEX passthrough_call_connection ON passthrough_call (connection_id, id);
