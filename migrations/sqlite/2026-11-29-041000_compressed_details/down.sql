-- A version of Plenary before this migration cannot read compressed details.
ALTER TABLE items ADD COLUMN plain TEXT NOT NULL DEFAULT '';
UPDATE items SET plain = CAST(detail AS TEXT);
ALTER TABLE items DROP COLUMN detail;
ALTER TABLE items RENAME COLUMN plain TO detail;
ALTER TABLE items ADD COLUMN compressed BLOB NOT NULL DEFAULT x'';
UPDATE items SET compressed = content;
ALTER TABLE items DROP COLUMN content;
ALTER TABLE items RENAME COLUMN compressed TO content;
