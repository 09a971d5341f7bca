-- Totals that only grow, for the metrics: those that processes count in memory, and those of what was synchronized.
CREATE TABLE total (
    series TEXT NOT NULL,
    label TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (series, label)
) WITHOUT ROWID;

CREATE TABLE sync_total (
    connection_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    result TEXT NOT NULL,
    passes INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL,
    fetched INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (connection_id, entity, result)
) WITHOUT ROWID;

-- In the transaction that ends a pass, so that retention may delete runs without a total going back.
CREATE TRIGGER run_entity_is_counted AFTER UPDATE OF state ON run_entity
    WHEN OLD.state IN ('queued', 'running') AND NEW.state IN ('completed', 'failed', 'cancelled')
    BEGIN
        INSERT INTO sync_total
            SELECT run.connection_id, NEW.entity, NEW.state, 1,
                max(0, coalesce(NEW.finished_at - NEW.pass_started_at, 0)),
                NEW.fetched, NEW.inserted + NEW.updated, NEW.deleted, NEW.rejected, NEW.requests, NEW.bytes
            FROM run WHERE run.id = NEW.run_id
        ON CONFLICT (connection_id, entity, result) DO UPDATE SET
            passes = passes + 1,
            milliseconds = milliseconds + excluded.milliseconds,
            fetched = fetched + excluded.fetched,
            changed = changed + excluded.changed,
            deleted = deleted + excluded.deleted,
            rejected = rejected + excluded.rejected,
            requests = requests + excluded.requests,
            bytes = bytes + excluded.bytes;
    END;
