-- A scope is JSON: entities, verbs, connections and networks, each a list, or null for all of them.
ALTER TABLE api_key ADD COLUMN scope TEXT NOT NULL DEFAULT '{}';
ALTER TABLE token ADD COLUMN scope TEXT NOT NULL DEFAULT '{}';

-- `current` is the connection's own token, `issued` a further one for a while, `access` that of an OAuth pair.
ALTER TABLE token ADD COLUMN kind TEXT NOT NULL DEFAULT 'current';
ALTER TABLE token ADD COLUMN grant_id TEXT;
CREATE INDEX token_grant ON token (grant_id) WHERE grant_id IS NOT NULL;

-- Programs of integrators. Of the client secret only the SHA-256 is kept.
CREATE TABLE application (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    secret_hint TEXT NOT NULL,
    redirects TEXT NOT NULL DEFAULT '[]',
    email TEXT,
    logo_url TEXT,
    scope TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    last_used_at INTEGER
);

-- Tokens of the account that an application got for its secret.
CREATE TABLE account_token (
    hash BLOB PRIMARY KEY,
    application_id TEXT NOT NULL REFERENCES application (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX account_token_application ON account_token (application_id);

-- What a customer granted: every pair that follows from one consent, or from one connect over the API, which has
-- no application when a key of the account made it.
CREATE TABLE link_grant (
    id TEXT PRIMARY KEY,
    connection_id TEXT NOT NULL REFERENCES connection (id),
    application_id TEXT REFERENCES application (id),
    scope TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_reason TEXT
);
CREATE INDEX link_grant_connection ON link_grant (connection_id);
CREATE INDEX link_grant_application ON link_grant (application_id);

CREATE TABLE link_code (
    hash BLOB PRIMARY KEY,
    grant_id TEXT NOT NULL REFERENCES link_grant (id),
    redirect_uri TEXT NOT NULL,
    challenge TEXT,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) WITHOUT ROWID;
CREATE INDEX link_code_grant ON link_code (grant_id);

-- Used ones stay until they would have expired, so that a stolen one is noticed.
CREATE TABLE link_refresh (
    hash BLOB PRIMARY KEY,
    grant_id TEXT NOT NULL REFERENCES link_grant (id),
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) WITHOUT ROWID;
CREATE INDEX link_refresh_grant ON link_refresh (grant_id);

ALTER TABLE connection ADD COLUMN application_id TEXT REFERENCES application (id);

-- Requests to the API, without secrets. Oldest rows go first.
CREATE TABLE request_log (
    id INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status INTEGER NOT NULL,
    milliseconds REAL NOT NULL,
    error_code TEXT,
    caller TEXT,
    connection_id TEXT,
    address TEXT,
    size INTEGER NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX request_log_request ON request_log (request_id);
CREATE INDEX request_log_connection ON request_log (connection_id, id);
