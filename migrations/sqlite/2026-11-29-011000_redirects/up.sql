-- The redirects that are public, by what their content says. `key` is the form of the source by which paths are compared,
-- `leads_to` that of the only path of the website to which the redirect leads, or empty.
CREATE TABLE redirect_rules (
    item_id TEXT PRIMARY KEY NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    match_type TEXT NOT NULL,
    key TEXT NOT NULL,
    source TEXT NOT NULL,
    status_code BIGINT NOT NULL,
    url TEXT NOT NULL,
    target_id TEXT NOT NULL,
    leads_to TEXT NOT NULL,
    position BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX redirect_rules_key ON redirect_rules (key);
CREATE INDEX redirect_rules_order ON redirect_rules (match_type, position, item_id);
CREATE INDEX redirect_rules_leads_to ON redirect_rules (leads_to) WHERE leads_to <> '';

-- How often redirects were used, and when last (µs).
CREATE TABLE redirect_hits (
    item_id TEXT PRIMARY KEY NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    hits BIGINT NOT NULL,
    last_hit_at BIGINT NOT NULL
) WITHOUT ROWID;
