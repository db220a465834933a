-- Forms by which visitors write to the organisation.
CREATE TABLE contact_forms (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- Titles, fields, recipients and settings, as JSON.
    definition TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE contact_messages (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    form TEXT COLLATE "C" NOT NULL,
    locale TEXT COLLATE "C" NOT NULL,
    -- The values with the labels that the visitor saw, as JSON.
    content TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('open', 'answered', 'closed')),
    assignee TEXT COLLATE "C" NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    answer TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    delete_at BIGINT NOT NULL
);
CREATE INDEX contact_messages_status ON contact_messages (status, id);
CREATE INDEX contact_messages_email ON contact_messages (email);
CREATE INDEX contact_messages_delete_at ON contact_messages (delete_at);
