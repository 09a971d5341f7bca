-- Every write that passed its checks: what an Idempotency-Key stands for, what waits, and what became of it.
CREATE TABLE write_order (
    id TEXT PRIMARY KEY,
    connection_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    operation TEXT NOT NULL,
    target TEXT,
    target_below TEXT,
    body TEXT NOT NULL,
    reference TEXT NOT NULL,
    idempotency_key TEXT,
    fingerprint BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'unknown')),
    attempts INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    due_at INTEGER,
    record_key TEXT,
    answer TEXT,
    error TEXT
);
CREATE UNIQUE INDEX write_order_idempotency ON write_order (connection_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX write_order_due ON write_order (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX write_order_connection ON write_order (connection_id, created_at);
