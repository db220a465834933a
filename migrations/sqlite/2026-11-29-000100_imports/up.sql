-- Imports over HTTP: each is a background job that one node carries out. Its file is kept in parts until it has ended, so
-- that every node can read it.
CREATE TABLE imports (
    id TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL
        CHECK (status IN ('receiving', 'queued', 'running', 'succeeded', 'failed', 'cancelled')),
    file TEXT NOT NULL,
    format TEXT NOT NULL,
    -- The options of the request, as JSON.
    options TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT,
    via TEXT,
    started_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    -- The node that carries the import out, and until when no other node may take it over.
    node TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    -- Number of times that a node took the import since entries of it were last written.
    attempts BIGINT NOT NULL,
    -- Version of the program that counted the entries, number of the pass over the file, and of the entries in it that
    -- are written.
    program TEXT NOT NULL,
    pass BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    bytes_read BIGINT NOT NULL,
    -- The report so far, as JSON, and the number of its lines.
    report TEXT NOT NULL,
    line_count BIGINT NOT NULL,
    -- Code and explanation of the failure; empty if there is none.
    failure TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX imports_status ON imports (status, id);

CREATE TABLE import_parts (
    import_id TEXT NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (import_id, position)
);

CREATE TABLE import_lines (
    import_id TEXT NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    -- A line of the report, as JSON.
    line TEXT NOT NULL,
    PRIMARY KEY (import_id, position)
);
