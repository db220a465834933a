ALTER TABLE contact_messages DROP COLUMN desk;
ALTER TABLE contact_messages DROP COLUMN answers;
