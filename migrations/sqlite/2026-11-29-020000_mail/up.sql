-- The outbox and the log of mail. A row is written in the transaction that causes the mail; a node that sends it claims it
-- by a lease. What the mail says is composed when it is sent, of `data`, which is emptied at the end.
CREATE TABLE mails (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    -- The domain of the recipient, in lower case.
    domain TEXT NOT NULL,
    locale TEXT NOT NULL,
    -- 0 comes first.
    priority BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'held', 'sent', 'failed', 'dropped', 'bounced')),
    data TEXT NOT NULL,
    -- What the mail is a part of, such as an issue of the newsletter; empty for a single one.
    group_id TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    -- Number of attempts after which it is unknown whether the server took the mail.
    doubts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    node TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    -- The reply of the server to the last attempt, or why there was none.
    code TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX mails_due ON mails (status, priority, due_at, id);
CREATE INDEX mails_group ON mails (group_id, status);
CREATE INDEX mails_node ON mails (node);
CREATE INDEX mails_recipient ON mails (recipient, id);
CREATE INDEX mails_ended ON mails (ended_at);

-- Mails to a domain in the present minute, for the limit.
CREATE TABLE mail_domain_minutes (
    domain TEXT NOT NULL,
    minute BIGINT NOT NULL,
    mails BIGINT NOT NULL,
    PRIMARY KEY (domain, minute)
);

-- Proofs of work that were used. Each is good once.
CREATE TABLE used_challenges (
    nonce TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX used_challenges_expires_at ON used_challenges (expires_at);

-- Requests of visitors in the present window, by a hash of the network or of the address.
CREATE TABLE visitor_counts (
    key TEXT NOT NULL PRIMARY KEY,
    requests BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX visitor_counts_ends_at ON visitor_counts (ends_at);
