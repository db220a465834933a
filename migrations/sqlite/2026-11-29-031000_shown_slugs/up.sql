-- Whether the public ever saw the item under the slug; of a slug that the public sees now, it is noted when that ends. A slug that
-- was never seen does not redirect: its row goes when the item gets another one.
ALTER TABLE slugs ADD COLUMN was_shown BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE slugs SET was_shown = TRUE WHERE locale = '' AND item_id IN (SELECT id FROM items WHERE shown_at > 0);
-- The ids of merged items, which lead to others; they have 36 characters.
UPDATE slugs SET was_shown = TRUE WHERE locale = '' AND length(slug) = 36;
-- Former slugs of items that the public never saw.
DELETE FROM slugs WHERE locale = '' AND NOT was_shown AND EXISTS (
    SELECT 1 FROM items WHERE items.id = slugs.item_id AND items.slug <> slugs.slug
    AND items.translations NOT LIKE '%"slug":"' || slugs.slug || '"%'
);
