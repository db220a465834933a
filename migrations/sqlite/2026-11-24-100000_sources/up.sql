-- Where items were imported from, instead of one column on items: an item can have several sources,
-- and an import must know whether the source or the item changed since it last ran.
DROP INDEX items_kind_source;
ALTER TABLE items DROP COLUMN source;
CREATE TABLE sources (
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    fingerprint TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (kind, source)
) WITHOUT ROWID;
CREATE INDEX sources_item ON sources (item_id);
