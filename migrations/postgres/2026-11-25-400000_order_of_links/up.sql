-- The journal is never shortened: its last entry is its head.
DROP TABLE journal_head;

-- What refers to an item, in the order in which it starts: a page of a speaker's events reads so many
-- entries of the index as it has items.
ALTER TABLE links ADD COLUMN starts_at BIGINT NOT NULL DEFAULT 9223372036854775807;
UPDATE links SET starts_at = (SELECT starts_at FROM items WHERE items.id = links.source_id);
DROP INDEX links_target_relation;
CREATE INDEX links_target_relation_starts ON links (target_id, relation, starts_at, source_id);
