-- Where events are sent. With neither connection nor application it is of the account and hears of every connection;
-- one of an application hears of the connections that this application made.
-- `events` is a JSON list of names and patterns. `failures` are those in a row over all connections; with many of them
-- the endpoint rests until `rests_until`, and is then tried by one delivery at a time.
CREATE TABLE webhook_endpoint (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    connection_id TEXT REFERENCES connection (id),
    application_id TEXT REFERENCES application (id),
    events TEXT NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    disabled_reason TEXT,
    disable_on_gone INTEGER NOT NULL DEFAULT 1,
    secret_hint TEXT NOT NULL,
    former_secret_until INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    rests_until INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX webhook_endpoint_connection ON webhook_endpoint (connection_id);

-- The outbox: an event is written in the transaction of what it tells of, its body as the bytes that are sent.
CREATE TABLE webhook_event (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    connection_id TEXT,
    is_test INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX webhook_event_connection ON webhook_event (connection_id) WHERE connection_id IS NOT NULL;

-- An event for one endpoint: waiting, delivered or undelivered. `lane` is the connection, or empty.
-- A failure at or after `give_up_at` ends it as undelivered.
CREATE TABLE webhook_delivery (
    id INTEGER PRIMARY KEY,
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    event_seq INTEGER NOT NULL REFERENCES webhook_event (seq) ON DELETE CASCADE,
    lane TEXT NOT NULL,
    state TEXT NOT NULL,
    give_up_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    status INTEGER,
    error TEXT,
    last_attempt_at INTEGER,
    finished_at INTEGER,
    UNIQUE (event_seq, endpoint_id)
);
CREATE INDEX webhook_delivery_lane ON webhook_delivery (endpoint_id, lane, id) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_endpoint ON webhook_delivery (endpoint_id, id);
CREATE INDEX webhook_delivery_undelivered ON webhook_delivery (endpoint_id, id) WHERE state = 'undelivered';

-- `status` is None without an answer; `answer` is how it began.
CREATE TABLE webhook_attempt (
    id INTEGER PRIMARY KEY,
    delivery_id INTEGER NOT NULL REFERENCES webhook_delivery (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL,
    status INTEGER,
    error TEXT,
    answer TEXT
);
CREATE INDEX webhook_attempt_delivery ON webhook_attempt (delivery_id);

-- What is sent one after the other: the deliveries of an endpoint about one connection. `next_at` is None where nothing
-- waits; `lease` is of the worker that sends just now.
CREATE TABLE webhook_lane (
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    lane TEXT NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER,
    lease TEXT,
    lease_until INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (endpoint_id, lane)
) WITHOUT ROWID;
CREATE INDEX webhook_lane_due ON webhook_lane (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_lane_held ON webhook_lane (endpoint_id) WHERE lease IS NOT NULL;
