-- When the public first saw the item (µs), 0 for never. That it was published does not tell: a session is seen only
-- with its event.
ALTER TABLE items ADD COLUMN shown_at BIGINT NOT NULL DEFAULT 0;
UPDATE items SET shown_at = CASE WHEN published_at > 0 THEN published_at ELSE updated_at END
WHERE live OR (
    published_at > 0
    AND (kind <> 'session' OR EXISTS (
        SELECT 1 FROM items AS event WHERE event.id = items.parent_id AND (event.live OR event.published_at > 0)
    ))
);
