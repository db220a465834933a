-- Speakers, partners and others are filed under nothing: a write of such a one leaves this index alone.
DROP INDEX items_parent_live_starts;
CREATE INDEX items_parent_live_starts ON items (parent_id, live, starts_at, id) WHERE parent_id IS NOT NULL;
