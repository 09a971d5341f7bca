-- What is known of an aspect of a connection: `reachable`, `authenticated`, `authorized`. `entity` is empty for the
-- connection as a whole; only `authorized` has rows of entities, for those that were refused once.
CREATE TABLE proof (
    connection_id TEXT NOT NULL REFERENCES connection (id),
    aspect TEXT NOT NULL CHECK (aspect IN ('reachable', 'authenticated', 'authorized')),
    entity TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ('proven', 'failing')),
    since INTEGER NOT NULL,
    proven_at INTEGER,
    failed_at INTEGER,
    code TEXT,
    message TEXT,
    PRIMARY KEY (connection_id, aspect, entity)
) WITHOUT ROWID;

-- When a connection is probed next; NULL while it must be left alone, since each probe would be one more wrong
-- password. `failures` counts the failed probes since the last proof.
CREATE TABLE probe_plan (
    connection_id TEXT PRIMARY KEY REFERENCES connection (id),
    due_at INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    probed_at INTEGER
) WITHOUT ROWID;
CREATE INDEX probe_plan_due ON probe_plan (due_at) WHERE due_at IS NOT NULL;
INSERT INTO probe_plan (connection_id, due_at)
    SELECT id, 0 FROM connection WHERE status IN ('connected', 'offline');

-- What is wrong and who can mend it. An issue of the appliance itself has no connection. It ends with `resolved_at`,
-- by a proof; one that is dismissed rests, and comes back only when it gets worse.
CREATE TABLE issue (
    id TEXT PRIMARY KEY,
    connection_id TEXT REFERENCES connection (id),
    code TEXT NOT NULL,
    entity TEXT NOT NULL DEFAULT '',
    aspect TEXT,
    severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    message TEXT NOT NULL,
    fix TEXT NOT NULL,
    who TEXT NOT NULL CHECK (who IN ('plant_admin', 'source_admin', 'integrator', 'vendor')),
    detail TEXT NOT NULL DEFAULT '{}',
    count INTEGER NOT NULL DEFAULT 1,
    opened_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    resolved_at INTEGER,
    dismissed_at INTEGER,
    dismissed_by TEXT,
    note TEXT
);
CREATE UNIQUE INDEX issue_once ON issue (coalesce(connection_id, ''), code, entity) WHERE resolved_at IS NULL;
CREATE INDEX issue_connection ON issue (connection_id, opened_at);
CREATE INDEX issue_opened ON issue (opened_at);
