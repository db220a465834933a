DROP TABLE visitor_counts;
DROP TABLE used_challenges;
DROP TABLE mail_domain_minutes;
DROP TABLE mails;
