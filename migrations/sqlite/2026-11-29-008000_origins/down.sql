DROP INDEX sources_origin;
ALTER TABLE sources DROP COLUMN revision;
ALTER TABLE sources DROP COLUMN origin;
