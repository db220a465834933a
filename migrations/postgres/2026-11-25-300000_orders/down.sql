DROP INDEX items_kind_created_live;
DROP INDEX items_kind_ends_live;
