-- The items that were merged into others, each with what moved from it, so that the merge can be undone. The merged item
-- can be purged from the trash; its row stays while the item into which it was merged is there.
CREATE TABLE merges (
    item_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    target_id TEXT COLLATE "C" NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    batch TEXT COLLATE "C" NOT NULL,
    merged_at BIGINT NOT NULL,
    record TEXT COLLATE "C" NOT NULL
);
CREATE INDEX merges_target ON merges (target_id, batch);
