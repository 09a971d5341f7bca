-- Changes of a connection to its connector's mappings. Versions are never changed; one an entity is in force, or none.
CREATE TABLE mapping_version (
    connection_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    number INTEGER NOT NULL,
    content TEXT NOT NULL,
    note TEXT NOT NULL,
    author TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    in_force INTEGER NOT NULL,
    PRIMARY KEY (connection_id, entity, number)
) WITHOUT ROWID;
CREATE UNIQUE INDEX mapping_in_force ON mapping_version (connection_id, entity) WHERE in_force;

-- Records that are to be mapped anew, from their kept rows; `after_id` is how far that has got.
CREATE TABLE remapping (
    connection_id TEXT NOT NULL,
    entity TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    after_id INTEGER NOT NULL,
    mapped INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    first_rejection TEXT,
    PRIMARY KEY (connection_id, entity)
) WITHOUT ROWID;
CREATE INDEX remapping_due ON remapping (due_at);
