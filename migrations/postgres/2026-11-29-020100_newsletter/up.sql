-- Sign-ups that were not confirmed yet.
CREATE TABLE newsletter_signups (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    locale TEXT COLLATE "C" NOT NULL,
    -- Ids of topics, as JSON.
    topics TEXT COLLATE "C" NOT NULL,
    consent_version BIGINT NOT NULL,
    consent_text TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX newsletter_signups_email ON newsletter_signups (email);
CREATE INDEX newsletter_signups_created_at ON newsletter_signups (created_at);

CREATE TABLE subscribers (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    locale TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('confirmed', 'unsubscribed', 'bounced')),
    -- What was consented to, in which language, and when.
    consent_version BIGINT NOT NULL,
    consent_text TEXT COLLATE "C" NOT NULL,
    consent_locale TEXT COLLATE "C" NOT NULL,
    consented_at BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL,
    -- `sign_up`, or the proof that an import named.
    proof TEXT COLLATE "C" NOT NULL,
    -- Number of mails that were refused for good since one was taken.
    bounces BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX subscribers_email ON subscribers (email);
CREATE INDEX subscribers_status ON subscribers (status, id);

CREATE TABLE subscriber_topics (
    subscriber_id TEXT COLLATE "C" NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    topic_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (subscriber_id, topic_id)
);
CREATE INDEX subscriber_topics_topic ON subscriber_topics (topic_id);

-- Keyed hashes of addresses that no import may subscribe again.
CREATE TABLE newsletter_suppressions (
    address_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    reason TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE newsletter_issues (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL CHECK (status IN ('draft', 'scheduled', 'sending', 'paused', 'sent', 'cancelled', 'failed')),
    -- Editions by language, and whom they go to, as JSON.
    editions TEXT COLLATE "C" NOT NULL,
    segment TEXT COLLATE "C" NOT NULL,
    send_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- The last subscriber to whom the issue was addressed, and whether all were.
    position TEXT COLLATE "C" NOT NULL,
    addressed BIGINT NOT NULL,
    is_addressed BOOLEAN NOT NULL,
    ended_at BIGINT NOT NULL,
    failure TEXT COLLATE "C" NOT NULL
);
CREATE INDEX newsletter_issues_status ON newsletter_issues (status, send_at);

-- The editions of an issue as they were when it was sent.
CREATE TABLE newsletter_renderings (
    issue_id TEXT COLLATE "C" NOT NULL REFERENCES newsletter_issues (id) ON DELETE CASCADE,
    locale TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    html TEXT COLLATE "C" NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (issue_id, locale)
);

-- One row for each subscriber to whom an issue was addressed, written with the mail.
CREATE TABLE newsletter_deliveries (
    issue_id TEXT COLLATE "C" NOT NULL REFERENCES newsletter_issues (id) ON DELETE CASCADE,
    subscriber_id TEXT COLLATE "C" NOT NULL,
    mail_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (issue_id, subscriber_id)
);
