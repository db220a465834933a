-- Times are microseconds since 1970 (UTC); 0 is never. Ids are UUIDv7 as text.
-- All text compares by bytes (COLLATE "C"), as SQLite does.

CREATE TABLE items (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    slug TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('draft', 'published', 'archived')),
    live BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    published_at BIGINT NOT NULL,
    trashed_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C",
    parent_id TEXT COLLATE "C" REFERENCES items (id),
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    position BIGINT NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    country TEXT COLLATE "C",
    variant TEXT COLLATE "C",
    source TEXT COLLATE "C",
    card TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    reference TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX items_kind_slug ON items (kind, slug);
CREATE UNIQUE INDEX items_kind_source ON items (kind, source);
CREATE INDEX items_kind_starts_live ON items (kind, starts_at, id, live);
CREATE INDEX items_kind_label_live ON items (kind, label, id, live);
CREATE INDEX items_kind_position_live ON items (kind, position, id, live);
CREATE INDEX items_kind_updated_live ON items (kind, updated_at, id, live);
CREATE INDEX items_parent_live_starts ON items (parent_id, live, starts_at, id);

CREATE TABLE links (
    source_id TEXT COLLATE "C" NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    relation TEXT COLLATE "C" NOT NULL,
    position INTEGER NOT NULL,
    target_id TEXT COLLATE "C" NOT NULL REFERENCES items (id),
    card TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (source_id, relation, position)
);
CREATE INDEX links_target_relation ON links (target_id, relation, source_id);

CREATE TABLE slugs (
    kind TEXT COLLATE "C" NOT NULL,
    locale TEXT COLLATE "C" NOT NULL,
    slug TEXT COLLATE "C" NOT NULL,
    item_id TEXT COLLATE "C" NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    PRIMARY KEY (kind, locale, slug)
);
CREATE INDEX slugs_item ON slugs (item_id);

CREATE TABLE accounts (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL CHECK (role IN ('viewer', 'contributor', 'editor', 'administrator')),
    password_hash TEXT COLLATE "C" NOT NULL,
    active BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX accounts_email ON accounts (email);

CREATE TABLE refresh_tokens (
    token_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    family_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);
CREATE INDEX refresh_tokens_account ON refresh_tokens (account_id);

CREATE TABLE login_failures (
    email_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    locked_until BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    purpose TEXT COLLATE "C" NOT NULL,
    secret TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE idempotency_keys (
    account_id TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    item_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

CREATE TABLE journal_head (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL
);
INSERT INTO journal_head (id, sequence) VALUES (1, 0);

CREATE TABLE journal (
    sequence BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C",
    action TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    item_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    request_id TEXT COLLATE "C" NOT NULL,
    snapshot TEXT COLLATE "C" NOT NULL
);
CREATE INDEX journal_item ON journal (item_id, sequence);

CREATE TABLE settings (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);
