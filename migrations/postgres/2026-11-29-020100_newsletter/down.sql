DROP TABLE newsletter_deliveries;
DROP TABLE newsletter_renderings;
DROP TABLE newsletter_issues;
DROP TABLE newsletter_suppressions;
DROP TABLE subscriber_topics;
DROP TABLE subscribers;
DROP TABLE newsletter_signups;
