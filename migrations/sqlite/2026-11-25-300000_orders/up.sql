-- For the orders that had no index yet: of a million items, none is to be sorted for a page.
CREATE INDEX items_kind_ends_live ON items (kind, ends_at, id, live);
CREATE INDEX items_kind_created_live ON items (kind, created_at, id, live);
