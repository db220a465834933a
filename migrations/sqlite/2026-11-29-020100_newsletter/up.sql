-- Sign-ups that were not confirmed yet.
CREATE TABLE newsletter_signups (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    locale TEXT NOT NULL,
    -- Ids of topics, as JSON.
    topics TEXT NOT NULL,
    consent_version BIGINT NOT NULL,
    consent_text TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX newsletter_signups_email ON newsletter_signups (email);
CREATE INDEX newsletter_signups_created_at ON newsletter_signups (created_at);

CREATE TABLE subscribers (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    locale TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('confirmed', 'unsubscribed', 'bounced')),
    -- What was consented to, in which language, and when.
    consent_version BIGINT NOT NULL,
    consent_text TEXT NOT NULL,
    consent_locale TEXT NOT NULL,
    consented_at BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL,
    -- `sign_up`, or the proof that an import named.
    proof TEXT NOT NULL,
    -- Number of mails that were refused for good since one was taken.
    bounces BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX subscribers_email ON subscribers (email);
CREATE INDEX subscribers_status ON subscribers (status, id);

CREATE TABLE subscriber_topics (
    subscriber_id TEXT NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    topic_id TEXT NOT NULL,
    PRIMARY KEY (subscriber_id, topic_id)
);
CREATE INDEX subscriber_topics_topic ON subscriber_topics (topic_id);

-- Keyed hashes of addresses that no import may subscribe again.
CREATE TABLE newsletter_suppressions (
    address_hash TEXT NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE newsletter_issues (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('draft', 'scheduled', 'sending', 'paused', 'sent', 'cancelled', 'failed')),
    -- Editions by language, and whom they go to, as JSON.
    editions TEXT NOT NULL,
    segment TEXT NOT NULL,
    send_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- The last subscriber to whom the issue was addressed, and whether all were.
    position TEXT NOT NULL,
    addressed BIGINT NOT NULL,
    is_addressed BOOLEAN NOT NULL,
    ended_at BIGINT NOT NULL,
    failure TEXT NOT NULL
);
CREATE INDEX newsletter_issues_status ON newsletter_issues (status, send_at);

-- The editions of an issue as they were when it was sent.
CREATE TABLE newsletter_renderings (
    issue_id TEXT NOT NULL REFERENCES newsletter_issues (id) ON DELETE CASCADE,
    locale TEXT NOT NULL,
    subject TEXT NOT NULL,
    html TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (issue_id, locale)
);

-- One row for each subscriber to whom an issue was addressed, written with the mail.
CREATE TABLE newsletter_deliveries (
    issue_id TEXT NOT NULL REFERENCES newsletter_issues (id) ON DELETE CASCADE,
    subscriber_id TEXT NOT NULL,
    mail_id TEXT NOT NULL,
    PRIMARY KEY (issue_id, subscriber_id)
);
