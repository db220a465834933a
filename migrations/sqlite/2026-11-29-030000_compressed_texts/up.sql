-- Contents and snapshots are compressed from now on; those of earlier versions stay as they are. The content moves behind
-- the short columns, which are read without it. The number of an entry of the journal becomes the row's own, which needs
-- no index.
ALTER TABLE items ADD COLUMN compressed BLOB NOT NULL DEFAULT x'';
UPDATE items SET compressed = CAST(content AS BLOB);
ALTER TABLE items DROP COLUMN content;
ALTER TABLE items RENAME COLUMN compressed TO content;

CREATE TABLE compact_journal (
    sequence INTEGER NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    item_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    snapshot BLOB NOT NULL,
    reason TEXT,
    changed TEXT NOT NULL DEFAULT '[]',
    via TEXT,
    batch TEXT
);
INSERT INTO compact_journal
    (sequence, at, actor, action, kind, item_id, version, request_id, snapshot, reason, changed, via, batch)
SELECT sequence, at, actor, action, kind, item_id, version, request_id, CAST(snapshot AS BLOB), reason, changed, via, batch
FROM journal ORDER BY sequence;
DROP TABLE journal;
ALTER TABLE compact_journal RENAME TO journal;
CREATE INDEX journal_item ON journal (item_id, sequence);
CREATE INDEX journal_actor ON journal (actor, sequence);
CREATE INDEX journal_batch ON journal (batch, sequence) WHERE batch IS NOT NULL;
