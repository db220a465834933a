-- The public versions with which a page came from another database; those of this one are in the journal. `periods` is when a
-- version was public, the newest period first, as JSON: [{"from": µs, "until": µs or null}].
CREATE TABLE page_versions (
    item_id TEXT COLLATE "C" NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    periods TEXT COLLATE "C" NOT NULL,
    slug TEXT COLLATE "C" NOT NULL,
    translations TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (item_id, version)
);
