DROP INDEX items_kind_published_live;
DROP TABLE places;
DROP TABLE item_words;
