DROP INDEX links_target_relation_starts;
CREATE INDEX links_target_relation ON links (target_id, relation, source_id);
ALTER TABLE links DROP COLUMN starts_at;
CREATE TABLE journal_head (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL
);
INSERT INTO journal_head (id, sequence) SELECT 1, coalesce(max(sequence), 0) FROM journal;
