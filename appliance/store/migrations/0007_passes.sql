-- A pass is what a run does for one entity; one that failed may be taken up by a later run, under the same number.
INSERT INTO counter (name, value) VALUES ('pass', 0);
ALTER TABLE run_entity ADD COLUMN kind TEXT;
ALTER TABLE run_entity ADD COLUMN pass_id INTEGER;
ALTER TABLE run_entity ADD COLUMN pass_seq INTEGER;
ALTER TABLE run_entity ADD COLUMN until INTEGER;
ALTER TABLE run_entity ADD COLUMN newest INTEGER;
-- Rows that came in the pass, over all runs that have done a part of it.
ALTER TABLE run_entity ADD COLUMN pass_rows INTEGER NOT NULL DEFAULT 0;
-- Why the pass cannot prove that a row is gone; null while it can.
ALTER TABLE run_entity ADD COLUMN unproven TEXT;
ALTER TABLE run_entity ADD COLUMN deletes_freely INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_entity ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run_entity ADD COLUMN waited_ms INTEGER NOT NULL DEFAULT 0;
-- How many keys the source has that the store lacks, in a pass that reads keys alone.
ALTER TABLE run_entity ADD COLUMN lacking INTEGER NOT NULL DEFAULT 0;

-- `newest` is the latest time of change that the source gave, `history_from` since when all that changed is there.
ALTER TABLE schedule ADD COLUMN newest INTEGER;
ALTER TABLE schedule ADD COLUMN history_from INTEGER;
ALTER TABLE schedule ADD COLUMN resume_run_id TEXT;

-- The records that a pass has met, a bit for each id, 4096 a row; empty but for passes under way.
CREATE TABLE pass_met (
    pass_id INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    bits BLOB NOT NULL,
    PRIMARY KEY (pass_id, chunk)
) WITHOUT ROWID;

-- Records that one pass missed whose absence a second one has to confirm.
CREATE TABLE record_missed (
    stream_id INTEGER NOT NULL,
    record_id INTEGER NOT NULL,
    pass_id INTEGER NOT NULL,
    PRIMARY KEY (stream_id, record_id)
) WITHOUT ROWID;

-- What a run deleted, with the number of that change, so that it can be undone.
CREATE TABLE tombstone (
    run_id TEXT NOT NULL,
    record_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (run_id, record_id)
) WITHOUT ROWID;

-- Deletions that were held back since too much would vanish; one open an entity.
CREATE TABLE deletion_hold (
    id TEXT PRIMARY KEY,
    connection_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    run_id TEXT NOT NULL,
    missing INTEGER NOT NULL,
    known INTEGER NOT NULL,
    sample TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'approved', 'dismissed', 'settled')),
    opened_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    decided_by TEXT
);
CREATE UNIQUE INDEX deletion_hold_open ON deletion_hold (connection_id, entity) WHERE state = 'open';
CREATE INDEX deletion_hold_connection ON deletion_hold (connection_id, opened_at);

-- How many keys of the source the store did not have at the last reconciliation that asked for a full pass.
ALTER TABLE schedule ADD COLUMN lacking INTEGER NOT NULL DEFAULT 0;
