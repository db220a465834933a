-- Fails if there are compressed texts, which a version of Plenary before this migration cannot read.
ALTER TABLE journal ALTER COLUMN snapshot SET STORAGE EXTENDED;
ALTER TABLE journal ALTER COLUMN snapshot TYPE text USING convert_from(snapshot, 'UTF8');
ALTER TABLE items ALTER COLUMN content SET STORAGE EXTENDED;
ALTER TABLE items ALTER COLUMN content TYPE text USING convert_from(content, 'UTF8');
