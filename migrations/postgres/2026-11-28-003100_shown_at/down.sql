ALTER TABLE items DROP COLUMN shown_at;
