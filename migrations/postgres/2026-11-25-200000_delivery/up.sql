-- Words of an item that lists are filtered by; what most items have is not written down.
CREATE TABLE item_words (
    item_id TEXT COLLATE "C" NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    field TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (item_id, field, value)
);
CREATE INDEX item_words_value ON item_words (field, value, item_id);

-- Where an item is on earth, in millionths of a degree (WGS 84).
CREATE TABLE places (
    item_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES items (id) ON DELETE CASCADE,
    latitude BIGINT NOT NULL,
    longitude BIGINT NOT NULL
);
CREATE INDEX places_where ON places (latitude, longitude, item_id);

CREATE INDEX items_kind_published_live ON items (kind, published_at, id, live);
