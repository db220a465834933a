-- What an import knows of a record's source: the name of the file's source, as the file itself says it, and the
-- revision of the record in its own system.
ALTER TABLE sources ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE sources ADD COLUMN revision TEXT NOT NULL DEFAULT '';
CREATE INDEX sources_origin ON sources (origin, kind, source);
