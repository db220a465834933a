-- Long details are compressed from now on; those of earlier versions stay as they are. The content moves behind them: readers
-- want the details, and the fewer pages the better.
ALTER TABLE items ADD COLUMN compressed BLOB NOT NULL DEFAULT x'';
UPDATE items SET compressed = CAST(detail AS BLOB);
ALTER TABLE items DROP COLUMN detail;
ALTER TABLE items RENAME COLUMN compressed TO detail;
ALTER TABLE items ADD COLUMN compressed BLOB NOT NULL DEFAULT x'';
UPDATE items SET compressed = content;
ALTER TABLE items DROP COLUMN content;
ALTER TABLE items RENAME COLUMN compressed TO content;
