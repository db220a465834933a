-- Contents and snapshots are compressed from now on, better than the database does it; those of earlier versions stay as
-- they are.
ALTER TABLE items ALTER COLUMN content TYPE bytea USING convert_to(content, 'UTF8');
ALTER TABLE items ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE journal ALTER COLUMN snapshot TYPE bytea USING convert_to(snapshot, 'UTF8');
ALTER TABLE journal ALTER COLUMN snapshot SET STORAGE EXTERNAL;
