-- The paths of pages by language: the present one, and former ones that were public, which redirect. `shown_at` is when the
-- page was first public under the path (µs), 0 for never.
CREATE TABLE paths (
    locale TEXT NOT NULL,
    path TEXT NOT NULL,
    item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    is_current BOOLEAN NOT NULL,
    shown_at BIGINT NOT NULL,
    PRIMARY KEY (locale, path, item_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX paths_current ON paths (locale, path) WHERE is_current;
CREATE INDEX paths_item ON paths (item_id, locale, is_current);
