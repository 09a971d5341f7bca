-- The one installation that this database is: its id travels with every copy and restore. `seen_at` is the latest time
-- that was ever seen, milliseconds since 1970, so that a clock set back does not lengthen an entitlement.
CREATE TABLE installation (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    id TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
);
