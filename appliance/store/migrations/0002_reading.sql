-- A restore raises the epoch: positions in the change feed and cursors of before then no longer hold.
INSERT INTO counter (name, value) VALUES ('epoch', 1);

-- Lists that hold deleted records too: the two that the records that are there have, for the others.
CREATE INDEX record_deleted_order ON record (stream_id) WHERE deleted_at IS NOT NULL;
CREATE INDEX record_deleted_modified ON record (stream_id, modified_at) WHERE deleted_at IS NOT NULL;

-- Which records belong to another one, by its key: the material lists of a work order, an asset, an assembly.
CREATE TABLE record_link (
    stream_id INTEGER NOT NULL REFERENCES stream (id),
    target TEXT NOT NULL,
    record_id INTEGER NOT NULL,
    PRIMARY KEY (stream_id, target, record_id)
) WITHOUT ROWID;
CREATE INDEX record_link_record ON record_link (record_id);
INSERT INTO record_link (stream_id, target, record_id)
    SELECT DISTINCT record.stream_id, record.payload ->> field.value, record.id
    FROM stream
    JOIN record ON record.stream_id = stream.id
    JOIN json_each('["assemblyKey", "assetKey", "assetTemplateKey", "workOrderKey", "pmKey", "productionOrderKey"]') AS field
    WHERE stream.entity = 'MaterialItem' AND record.payload ->> field.value IS NOT NULL;
