-- The ids by which a record is known outside, as its own system writes them (UID, guid, number, code), as JSON.
ALTER TABLE sources ADD COLUMN ids TEXT NOT NULL DEFAULT '';
