-- The stage of what is not published: of the item itself while it is a draft, else of its working
-- draft. draft_version is the version of the working draft, 0 without one.
ALTER TABLE items ADD COLUMN stage TEXT NOT NULL DEFAULT 'draft' CHECK (stage IN ('draft', 'in_review', 'scheduled'));
ALTER TABLE items ADD COLUMN draft_version BIGINT NOT NULL DEFAULT 0;
-- Slug, publication and age of each language (JSON), and the languages that lack something or are
-- outdated, between commas.
ALTER TABLE items ADD COLUMN translations TEXT NOT NULL DEFAULT '{}';
ALTER TABLE items ADD COLUMN untranslated TEXT NOT NULL DEFAULT '';
ALTER TABLE items ADD COLUMN outdated TEXT NOT NULL DEFAULT '';
-- Few items are at another stage than draft; the others cost nothing here, and lead no planner astray.
CREATE INDEX items_staged ON items (kind, stage, id) WHERE stage <> 'draft';

-- Why, if somebody said so, and which places of the content changed (JSON Pointers).
ALTER TABLE journal ADD COLUMN reason TEXT;
ALTER TABLE journal ADD COLUMN changed TEXT NOT NULL DEFAULT '[]';
CREATE INDEX journal_actor ON journal (actor, sequence);

-- What a published or archived item is to become when it is published again.
CREATE TABLE drafts (
    item_id TEXT NOT NULL PRIMARY KEY REFERENCES items (id) ON DELETE CASCADE,
    slug TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT,
    content TEXT NOT NULL
);

CREATE TABLE schedules (
    item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    operation TEXT NOT NULL CHECK (operation IN ('publish', 'unpublish')),
    due_at BIGINT NOT NULL,
    actor TEXT,
    PRIMARY KEY (item_id, operation)
) WITHOUT ROWID;
CREATE INDEX schedules_due ON schedules (due_at, item_id);

CREATE TABLE releases (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'scheduled', 'published', 'failed')),
    due_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by TEXT,
    failure TEXT
);
CREATE INDEX releases_status_due ON releases (status, due_at);

CREATE TABLE release_items (
    release_id TEXT NOT NULL REFERENCES releases (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    operation TEXT NOT NULL CHECK (operation IN ('publish', 'unpublish', 'archive')),
    PRIMARY KEY (release_id, position)
) WITHOUT ROWID;
CREATE INDEX release_items_item ON release_items (item_id);

CREATE TABLE comments (
    id TEXT NOT NULL PRIMARY KEY,
    item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    author TEXT,
    created_at BIGINT NOT NULL,
    resolved_at BIGINT NOT NULL,
    resolved_by TEXT,
    pointer TEXT,
    body TEXT NOT NULL
);
CREATE INDEX comments_item ON comments (item_id, id);
CREATE INDEX comments_resolved ON comments (resolved_at, id);

CREATE TABLE assignments (
    item_id TEXT NOT NULL PRIMARY KEY REFERENCES items (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    assigned_by TEXT,
    assigned_at BIGINT NOT NULL
);
CREATE INDEX assignments_account ON assignments (account_id, item_id);

-- Who is editing: a courtesy to others, not a lock that could be forgotten.
CREATE TABLE presences (
    item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    since BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (item_id, account_id)
) WITHOUT ROWID;
CREATE INDEX presences_expires ON presences (expires_at);

CREATE TABLE preview_links (
    id TEXT NOT NULL PRIMARY KEY,
    item_id TEXT REFERENCES items (id) ON DELETE CASCADE,
    view_at BIGINT NOT NULL,
    created_by TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL
);
CREATE INDEX preview_links_item ON preview_links (item_id, id);
