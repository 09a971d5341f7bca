-- What a plant has in a database of schema 6, in the statements of that release. Every table has rows.
UPDATE counter SET value = 301 WHERE name = 'seq';

INSERT INTO application (id, name, secret_hash, secret_hint, redirects, email, logo_url, scope, created_at, revoked_at, last_used_at) VALUES
    ('app_1', 'Maintenance portal', x'aa01', 'aps_1…wxyz', '["https://portal.plant.test/back"]', 'it@plant.test', NULL, '{"verbs":["read"]}', 1764000000000, NULL, 1764500000000),
    ('app_2', 'Old portal', x'aa02', 'aps_2…wxyz', '[]', NULL, NULL, '{}', 1764000000000, 1764100000000, NULL);

INSERT INTO connection (id, part, name, email, system, hosting, tier, credits, status, status_reason, status_at, fields, historical_days, metadata, tags, created_at, updated_at, connected_at, disconnected_at, application_id) VALUES
    ('con_1', 'a1b2c3', 'Plant North', 'erp@plant.test', 'generic_odata', 'on_premises', 2, 4, 'connected', NULL, 1764000000000, '{"url":"https://erp.plant.test/sap"}', 365, '[{"key":"site","value":"north"}]', '["north"]', 1764000000000, 1764000000000, 1764000000000, NULL, 'app_1'),
    ('con_2', 'd4e5f6', 'Plant Süd – „Werk 2“', NULL, 'sandbox', 'cloud', 1, 2, 'offline', 'It does not answer.', 1764300000000, '{}', 90, '[]', '[]', 1764000000000, 1764300000000, 1764000000000, NULL, NULL),
    ('con_3', '0a0b0c', 'Closed', NULL, 'sandbox', 'cloud', 1, 2, 'disconnected', NULL, 1764200000000, '{}', 90, '[]', '[]', 1764000000000, 1764200000000, 1764000000000, 1764200000000, NULL),
    ('con_4', '1a1b1c', 'Wrong password', NULL, 'odoo', 'cloud', 2, 4, 'reauthorization_required', 'The password was refused.', 1764200000000, '{"url":"https://odoo.plant.test"}', 90, '[]', '[]', 1764000000000, 1764200000000, 1764000000000, NULL, NULL);

INSERT INTO stream (id, connection_id, entity, live) VALUES
    (1, 'con_1', 'PurchaseOrder', 190), (2, 'con_1', 'MaterialItem', 100), (3, 'con_2', 'WorkOrder', 0);
INSERT INTO raw_dictionary (id, stream_id, content) VALUES (1, 1, x'37a430ec0011');
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
INSERT INTO record (id, stream_id, key, seq, inserted_seq, modified_at, deleted_at, hash, payload, raw)
    SELECT i, 1, printf('07a1b2c3%04x', i), i, i, 1764000000000 + i, CASE WHEN i > 190 THEN 1764400000000 END,
        zeroblob(16), json_object('key', printf('07a1b2c3%04x', i), 'orderNo', CAST(4500000000 + i AS TEXT), 'title', 'Grease – Öl'), x'28b52ffd'
    FROM n;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
INSERT INTO record (id, stream_id, key, seq, inserted_seq, modified_at, hash, payload, raw)
    SELECT 200 + i, 2, printf('11a1b2c3%04x', i), 200 + i, 200 + i, 1764000000000 + i, zeroblob(16),
        json_object('key', printf('11a1b2c3%04x', i), 'assetKey', printf('02a1b2c3%04x', i % 7), 'quantity', 1.250), x'28b52ffd'
    FROM n;
INSERT INTO record_link (stream_id, target, record_id)
    SELECT stream_id, payload ->> 'assetKey', id FROM record WHERE stream_id = 2;

INSERT INTO data_key (id, owner, kek_id, wrapped, created_at) VALUES ('dk_1', 'con_1', 'kek_1', x'0102', 1764000000000);
INSERT INTO secret (owner, field, sealed) VALUES ('con_1', 'password', x'0a0b0c'), ('con_1', 'username', x'0d');

INSERT INTO link_grant (id, connection_id, application_id, scope, created_at, revoked_at, revoked_reason) VALUES
    ('grt_1', 'con_1', 'app_1', '{}', 1764000000000, NULL, NULL), ('grt_2', 'con_1', NULL, '{}', 1764000000000, 1764100000000, 'replaced');
INSERT INTO token (id, connection_id, hash, hint, created_at, expires_at, revoked_at, revoked_reason, last_used_at, scope, kind, grant_id) VALUES
    ('tok_1', 'con_1', x'b001', 'apl_1…abcd', 1764000000000, NULL, NULL, NULL, 1764500000000, '{}', 'current', NULL),
    ('tok_2', 'con_1', x'b002', 'apl_2…abcd', 1764000000000, 1764000900000, NULL, NULL, NULL, '{"entities":["Asset"]}', 'access', 'grt_1'),
    ('tok_3', 'con_3', x'b003', 'apl_3…abcd', 1764000000000, NULL, 1764200000000, 'disconnected', NULL, '{}', 'current', NULL);
INSERT INTO link_code (hash, grant_id, redirect_uri, challenge, expires_at, used_at) VALUES
    (x'c001', 'grt_1', 'https://portal.plant.test/back', 'challenge', 1764000060000, 1764000030000);
INSERT INTO link_refresh (hash, grant_id, expires_at, used_at) VALUES (x'd001', 'grt_1', 1766000000000, NULL);
INSERT INTO account_token (hash, application_id, created_at, expires_at) VALUES (x'e001', 'app_1', 1764000000000, 1764003600000);

INSERT INTO credit_entry (id, at, kind, amount, connection_id, source, note) VALUES
    (1, 1764000000000, 'grant', 20, NULL, 'evaluation', 'evaluation pool'),
    (2, 1764000000000, 'take', 4, 'con_1', NULL, 'Plant North'),
    (3, 1764000000000, 'take', 2, 'con_3', NULL, 'Closed'),
    (4, 1764200000000, 'return', 2, 'con_3', NULL, 'Closed');
INSERT INTO entitlement (id, document, imported_at) VALUES ('ent_1', '{"entitlement":"e30=","signature":""}', 1764000000000);

INSERT INTO schedule (stream_id, connection_id, entity, interval_seconds, next_due_at, watermark, mark, last_success_at, last_error, failures) VALUES
    (1, 'con_1', 'PurchaseOrder', 3600, 1764503600000, 1764499000000, NULL, 1764500000000, NULL, 0),
    (2, 'con_1', 'MaterialItem', 900, 1764500900000, NULL, '{"delta":"https://erp.plant.test/sap?$deltatoken=7"}', 1764500000000, NULL, 0),
    (3, 'con_2', 'WorkOrder', 3600, 1764504000000, NULL, NULL, NULL, 'It does not answer.', 5);
INSERT INTO run (id, connection_id, mode, trigger, state, created_at, started_at, finished_at, lease_owner, lease_until, attempts) VALUES
    ('run_1', 'con_1', 'incremental', 'schedule', 'completed', 1764500000000, 1764500000100, 1764500009000, NULL, NULL, 1),
    ('run_2', 'con_2', 'full', 'manual', 'failed', 1764500000000, 1764500000100, 1764500009000, NULL, NULL, 3),
    ('run_3', 'con_1', 'incremental', 'schedule', 'interrupted', 1764503600000, 1764503600100, NULL, NULL, NULL, 1),
    ('run_4', 'con_1', 'full', 'manual', 'queued', 1764503700000, NULL, NULL, NULL, NULL, 0);
INSERT INTO run_entity (run_id, entity, position, state, pass_started_at, since, since_mark, checkpoint, mark, expected, fetched, inserted, updated, unchanged, rejected, pages, requests, bytes, started_at, progress_at, finished_at, error_code, error_message) VALUES
    ('run_1', 'PurchaseOrder', 0, 'completed', 1764500000000, 1764496000000, NULL, NULL, NULL, 200, 200, 12, 3, 185, 0, 2, 3, 81920, 1764500000100, 1764500008000, 1764500008000, NULL, NULL),
    ('run_2', 'WorkOrder', 0, 'failed', 1764500000000, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 5, 0, 1764500000100, NULL, 1764500009000, 'SOURCE_UNREACHABLE', 'It does not answer.'),
    ('run_3', 'PurchaseOrder', 0, 'running', 1764503600000, 1764499000000, NULL, '{"after":"4500000100"}', NULL, 400, 100, 0, 1, 99, 0, 1, 1, 40960, 1764503600100, 1764503601000, NULL, NULL, NULL),
    ('run_4', 'PurchaseOrder', 0, 'queued', NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL);
INSERT INTO run_notice (run_id, entity, message, noted_at) VALUES ('run_1', 'PurchaseOrder', 'An unknown status ZZ was passed on.', 1764500008000);

INSERT INTO account (id, name, password_hash, role, created_at, disabled_at, failures, locked_until) VALUES
    ('acc_1', 'anna', '$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA', 'administrator', 1764000000000, NULL, 0, NULL);
INSERT INTO session (hash, account_id, csrf, created_at, seen_at, expires_at) VALUES (x'f001', 'acc_1', 'ses_1', 1764500000000, 1764500000000, 1764540000000);
INSERT INTO bootstrap (hash, expires_at) VALUES (x'f101', 1764001800000);
INSERT INTO api_key (id, name, hash, hint, created_at, expires_at, revoked_at, last_used_at, scope) VALUES
    ('key_1', 'reporting', x'f201', 'apk_1…abcd', 1764000000000, NULL, NULL, 1764500000000, '{"networks":["10.0.0.0/8"]}'),
    ('key_2', 'gone', x'f202', 'apk_2…abcd', 1764000000000, 1764100000000, 1764050000000, NULL, '{}');

INSERT INTO write_order (id, connection_id, entity, operation, target, target_below, body, reference, idempotency_key, fingerprint, state, attempts, created_at, changed_at, due_at, record_key, answer, error) VALUES
    ('wrt_1', 'con_1', 'PurchaseOrder', 'create', NULL, NULL, '{"vendorKey":"05a1b2c30001"}', 'ref-1', 'order-1', x'01', 'done', 1, 1764500000000, 1764500001000, NULL, '07a1b2c30001', '{"ok":true}', NULL),
    ('wrt_2', 'con_1', 'PurchaseOrder', 'create', NULL, NULL, '{}', 'ref-2', NULL, x'02', 'queued', 0, 1764500000000, 1764500000000, 1764500000000, NULL, NULL, NULL),
    ('wrt_3', 'con_1', 'WorkOrder', 'update', '03a1b2c30001', NULL, '{}', 'ref-3', 'order-3', x'03', 'unknown', 1, 1764500000000, 1764500002000, NULL, NULL, NULL, '{"code":"SOURCE_UNREACHABLE"}');
INSERT INTO mapping_version (connection_id, entity, number, content, note, author, created_at, in_force) VALUES
    ('con_1', 'PurchaseOrder', 1, '{"fields":{"title":"/Text"}}', 'first', 'anna', 1764000000000, 0),
    ('con_1', 'PurchaseOrder', 2, '{"fields":{"title":"/ShortText"}}', 'better', 'anna', 1764100000000, 1);
INSERT INTO remapping (connection_id, entity, started_at, due_at, after_id, mapped, rejected, first_rejection) VALUES
    ('con_1', 'PurchaseOrder', 1764500000000, 1764500000000, 100, 99, 1, 'There is no text.');
INSERT INTO passthrough_rule (connection_id, rules, changed_at, changed_by) VALUES ('con_1', '["GET /A_PurchaseOrder"]', 1764000000000, 'anna');
INSERT INTO passthrough_call (id, connection_id, at, caller, request_id, method, what, status, milliseconds, bytes, error) VALUES
    (1, 'con_1', 1764500000000, 'key_1', 'req_1', 'GET', '/A_PurchaseOrder', 200, 41, 2048, NULL);
INSERT INTO request_log (id, request_id, at, method, path, status, milliseconds, error_code, caller, connection_id, address, size, payload) VALUES
    (1, 'req_1', 1764500000000, 'GET', '/api/erp/purchase-orders', 200, 3.5, NULL, 'tok_1', 'con_1', '10.1.2.3', 4096, x'28b52ffd'),
    (2, 'req_2', 1764500000500, 'GET', '/api/erp/purchase-orders', 401, 0.5, 'TOKEN_INVALID', NULL, NULL, '10.1.2.3', 200, x'28b52ffd');
