DROP TABLE mail_domain_seconds;
