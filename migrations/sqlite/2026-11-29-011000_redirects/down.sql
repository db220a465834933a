DROP TABLE redirect_hits;
DROP TABLE redirect_rules;
