-- The redirects that are public, by what their content says. `key` is the form of the source by which paths are compared,
-- `leads_to` that of the only path of the website to which the redirect leads, or empty.
CREATE TABLE redirect_rules (
    item_id TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    match_type TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    status_code BIGINT NOT NULL,
    url TEXT COLLATE "C" NOT NULL,
    target_id TEXT COLLATE "C" NOT NULL,
    leads_to TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL
);
CREATE INDEX redirect_rules_key ON redirect_rules (key);
CREATE INDEX redirect_rules_order ON redirect_rules (match_type, position, item_id);
CREATE INDEX redirect_rules_leads_to ON redirect_rules (leads_to) WHERE leads_to <> '';

-- How often redirects were used, and when last (µs).
CREATE TABLE redirect_hits (
    item_id TEXT COLLATE "C" PRIMARY KEY NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    hits BIGINT NOT NULL,
    last_hit_at BIGINT NOT NULL
);
