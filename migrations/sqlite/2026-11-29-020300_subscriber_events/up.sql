-- Events of subscribers of which a provider's webhook is told.
CREATE TABLE subscriber_events (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('confirmed', 'changed', 'unsubscribed', 'erased')),
    subscriber_id TEXT NOT NULL,
    -- Keyed hash of the address: the events of an address are sent in their order.
    address_hash TEXT NOT NULL,
    -- Address of a subscriber who was erased, until the event was sent.
    email TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'sent', 'failed', 'dropped')),
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    -- Status of the last response, or why there was none.
    detail TEXT NOT NULL
);
CREATE INDEX subscriber_events_status ON subscriber_events (status, due_at);
CREATE INDEX subscriber_events_order ON subscriber_events (address_hash, id) WHERE ended_at = 0;
CREATE INDEX subscriber_events_ended_at ON subscriber_events (ended_at);

-- Ids of the reports that a provider's webhook sent, so that none counts twice.
CREATE TABLE subscriber_reports (
    id TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
