-- The last commit of each writer, by which it finds out how one ended whose answer was lost.
CREATE TABLE commits (
    node text PRIMARY KEY,
    number bigint NOT NULL,
    at bigint NOT NULL
) WITH (fillfactor = 50);
