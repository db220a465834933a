-- Mails to a domain in each of the last seconds, for the limit of a minute. It replaces mail_domain_minutes, which earlier
-- versions of the program use.
CREATE TABLE mail_domain_seconds (
    domain TEXT NOT NULL,
    second BIGINT NOT NULL,
    mails BIGINT NOT NULL,
    PRIMARY KEY (domain, second)
);
CREATE INDEX mail_domain_seconds_second ON mail_domain_seconds (second);
