-- Forms by which visitors write to the organisation.
CREATE TABLE contact_forms (
    name TEXT NOT NULL PRIMARY KEY,
    -- Titles, fields, recipients and settings, as JSON.
    definition TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE contact_messages (
    id TEXT NOT NULL PRIMARY KEY,
    form TEXT NOT NULL,
    locale TEXT NOT NULL,
    -- The values with the labels that the visitor saw, as JSON.
    content TEXT NOT NULL,
    email TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'answered', 'closed')),
    assignee TEXT NOT NULL,
    note TEXT NOT NULL,
    answer TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    delete_at BIGINT NOT NULL
);
CREATE INDEX contact_messages_status ON contact_messages (status, id);
CREATE INDEX contact_messages_email ON contact_messages (email);
CREATE INDEX contact_messages_delete_at ON contact_messages (delete_at);
