-- The batch of which a write was a part: several writes that one request asked for, all or none of them.
ALTER TABLE journal ADD COLUMN batch TEXT COLLATE "C";
CREATE INDEX journal_batch ON journal (batch, sequence) WHERE batch IS NOT NULL;
