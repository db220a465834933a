-- What working drafts refer to: what is named there stays in the trash, as what is named in items does.
CREATE TABLE draft_links (
    source_id TEXT COLLATE "C" NOT NULL REFERENCES drafts (item_id) ON DELETE CASCADE,
    target_id TEXT COLLATE "C" NOT NULL REFERENCES items (id),
    PRIMARY KEY (source_id, target_id)
);
CREATE INDEX draft_links_target ON draft_links (target_id);
-- By the form of an id, since JSONB refuses texts that JSON may have (\u0000).
INSERT INTO draft_links (source_id, target_id)
SELECT DISTINCT drafts.item_id, items.id
FROM drafts
CROSS JOIN LATERAL regexp_matches(drafts.content, '"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"', 'g') AS found
JOIN items ON items.id = found[1];

-- The slug that a working draft will have is reserved for it, where the public does not look for slugs.
INSERT INTO slugs (kind, locale, slug, item_id)
SELECT items.kind, 'draft', drafts.slug, items.id
FROM drafts JOIN items ON items.id = drafts.item_id
WHERE drafts.slug <> items.slug
ON CONFLICT DO NOTHING;
