-- A version of Plenary before this migration cannot read compressed texts.
CREATE TABLE earlier_journal (
    sequence BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    item_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    reason TEXT,
    changed TEXT NOT NULL DEFAULT '[]',
    via TEXT,
    batch TEXT
);
INSERT INTO earlier_journal
    (sequence, at, actor, action, kind, item_id, version, request_id, snapshot, reason, changed, via, batch)
SELECT sequence, at, actor, action, kind, item_id, version, request_id, CAST(snapshot AS TEXT), reason, changed, via, batch
FROM journal ORDER BY sequence;
DROP TABLE journal;
ALTER TABLE earlier_journal RENAME TO journal;
CREATE INDEX journal_item ON journal (item_id, sequence);
CREATE INDEX journal_actor ON journal (actor, sequence);
CREATE INDEX journal_batch ON journal (batch, sequence) WHERE batch IS NOT NULL;

ALTER TABLE items ADD COLUMN plain TEXT NOT NULL DEFAULT '';
UPDATE items SET plain = CAST(content AS TEXT);
ALTER TABLE items DROP COLUMN content;
ALTER TABLE items RENAME COLUMN plain TO content;
