DELETE FROM slugs WHERE locale = 'draft';
DROP TABLE draft_links;
