-- The slugs under which the public saw an item, and which another item has taken since, with the time of that (µs). While the
-- other item is not public, they lead to the item that was.
CREATE TABLE taken_slugs (
    kind TEXT NOT NULL,
    slug TEXT NOT NULL,
    item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    taken_at BIGINT NOT NULL,
    PRIMARY KEY (kind, slug, item_id)
) WITHOUT ROWID;
CREATE INDEX taken_slugs_item ON taken_slugs (item_id);
