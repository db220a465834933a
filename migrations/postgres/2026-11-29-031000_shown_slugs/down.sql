ALTER TABLE slugs DROP COLUMN was_shown;
