-- Fails if there are compressed texts, which a version of Plenary before this migration cannot read.
ALTER TABLE items ALTER COLUMN detail SET STORAGE EXTENDED;
ALTER TABLE items ALTER COLUMN detail TYPE text USING convert_from(detail, 'UTF8');
