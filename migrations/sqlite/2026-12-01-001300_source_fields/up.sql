-- The names of the fields that the last import of a record gave its item, so that the next one can remove those that the
-- record has no more. Empty if they are not known.
ALTER TABLE sources ADD COLUMN fields TEXT NOT NULL DEFAULT '';
