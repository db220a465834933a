DROP INDEX items_parent_live_starts;
CREATE INDEX items_parent_live_starts ON items (parent_id, live, starts_at, id);
