-- What working drafts refer to: what is named there stays in the trash, as what is named in items does.
CREATE TABLE draft_links (
    source_id TEXT NOT NULL REFERENCES drafts (item_id) ON DELETE CASCADE,
    target_id TEXT NOT NULL REFERENCES items (id),
    PRIMARY KEY (source_id, target_id)
) WITHOUT ROWID;
CREATE INDEX draft_links_target ON draft_links (target_id);
INSERT INTO draft_links (source_id, target_id)
SELECT DISTINCT drafts.item_id, items.id
FROM drafts, json_tree(drafts.content) AS node
JOIN items ON items.id = node.atom
WHERE json_valid(drafts.content) AND node.type = 'text';

-- The slug that a working draft will have is reserved for it, where the public does not look for slugs.
INSERT OR IGNORE INTO slugs (kind, locale, slug, item_id)
SELECT items.kind, 'draft', drafts.slug, items.id
FROM drafts JOIN items ON items.id = drafts.item_id
WHERE drafts.slug <> items.slug;
