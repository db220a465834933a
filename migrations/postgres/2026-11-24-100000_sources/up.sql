-- Where items were imported from, instead of one column on items: an item can have several sources,
-- and an import must know whether the source or the item changed since it last ran.
DROP INDEX items_kind_source;
ALTER TABLE items DROP COLUMN source;
CREATE TABLE sources (
    kind TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    item_id TEXT COLLATE "C" NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    fingerprint TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (kind, source)
);
CREATE INDEX sources_item ON sources (item_id);
