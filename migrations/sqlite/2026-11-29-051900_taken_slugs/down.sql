DROP TABLE taken_slugs;
