-- What was said about when: of a connection as a whole, entity '', and of its entities. JSON, see sync/schedules.
CREATE TABLE schedule_rule (
    connection_id TEXT NOT NULL REFERENCES connection (id),
    entity TEXT NOT NULL,
    rule TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (connection_id, entity)
) WITHOUT ROWID;

-- The interval is that of the rule or of the settings in force. `next_reconcile_at` is when the keys of the whole list
-- are compared, for what was deleted.
ALTER TABLE schedule DROP COLUMN interval_seconds;
ALTER TABLE schedule ADD COLUMN next_reconcile_at INTEGER;
-- One entity is planned at a time.
DROP INDEX schedule_connection;
CREATE UNIQUE INDEX schedule_entity ON schedule (connection_id, entity);
CREATE INDEX schedule_reconcile ON schedule (next_reconcile_at) WHERE next_reconcile_at IS NOT NULL;

-- Where the source is, host:port; NULL where it is not reached over a network, or was connected before this was kept.
ALTER TABLE connection ADD COLUMN host TEXT;

-- What a claim looks at, whatever number of runs is over. The first one is in the order of claims.
CREATE INDEX run_waiting ON run (trigger <> 'manual', created_at) WHERE state IN ('queued', 'interrupted');
CREATE INDEX run_running ON run (lease_until) WHERE state = 'running';
