DROP INDEX journal_batch;
ALTER TABLE journal DROP COLUMN batch;
