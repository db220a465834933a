DROP TABLE sources;
ALTER TABLE items ADD COLUMN source TEXT COLLATE "C";
CREATE UNIQUE INDEX items_kind_source ON items (kind, source);
