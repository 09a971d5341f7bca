-- Backups that were asked for or made: `waiting` until the engine takes it, `verified` once it was read back and is as
-- it was written, `removed` when the rule of what is kept took it away.
CREATE TABLE backup (
    id TEXT PRIMARY KEY,
    name TEXT,
    target TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'verified', 'failed', 'removed')),
    asked_by TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    bytes INTEGER,
    sha256 TEXT,
    code TEXT,
    message TEXT
);
CREATE INDEX backup_asked ON backup (asked_at);
CREATE INDEX backup_waiting ON backup (state) WHERE state IN ('waiting', 'running');
