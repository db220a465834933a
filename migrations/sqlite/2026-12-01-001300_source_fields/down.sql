ALTER TABLE sources DROP COLUMN fields;
