-- The last commit of each writer, by which it finds out how one ended whose answer was lost. Only Postgres has such.
CREATE TABLE commits (
    node TEXT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL
) WITHOUT ROWID;
