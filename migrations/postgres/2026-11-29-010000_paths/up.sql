-- The paths of pages by language: the present one, and former ones that were public, which redirect. `shown_at` is when the
-- page was first public under the path (µs), 0 for never.
CREATE TABLE paths (
    locale TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    item_id TEXT COLLATE "C" NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    is_current BOOLEAN NOT NULL,
    shown_at BIGINT NOT NULL,
    PRIMARY KEY (locale, path, item_id)
);
CREATE UNIQUE INDEX paths_current ON paths (locale, path) WHERE is_current;
CREATE INDEX paths_item ON paths (item_id, locale, is_current);
