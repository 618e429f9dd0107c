-- Endpoints receive the events of all viewers as webhooks: see core/feed. The place of an
-- endpoint in the feed is (epoch, xact, event_id, since), as in a cursor of GET /v1/events.
-- Events that an endpoint has refused are in deliveries; the place is past them.
--
-- A secret is encrypted as payment tokens are. The API reads secrets; the panel cannot. A
-- lease gives one process at a time the right to deliver to an endpoint.

-- +goose Up
CREATE TABLE endpoints (
    id            uuid        PRIMARY KEY,
    url           text        NOT NULL,
    types         text[]      NOT NULL, -- empty for all
    added_at      timestamptz NOT NULL,
    disabled_at   timestamptz,
    epoch         text        NOT NULL DEFAULT '',
    xact          bigint      NOT NULL DEFAULT 0,
    event_id      uuid,
    since         timestamptz,
    reached_at    timestamptz NOT NULL,
    tries         integer     NOT NULL DEFAULT 0,
    next_try_at   timestamptz,
    failing_since timestamptz,
    last_try_at   timestamptz,
    last_status   text        NOT NULL DEFAULT '',
    replay_from   timestamptz,
    test_asked_at timestamptz,
    tested_at     timestamptz,
    test_status   text        NOT NULL DEFAULT '',
    lease         uuid,
    leased_until  timestamptz NOT NULL DEFAULT statement_timestamp(), -- on the clock of this server
    CONSTRAINT endpoints_down CHECK ((tries > 0) = (failing_since IS NOT NULL))
);

CREATE TABLE endpoint_secrets (
    endpoint_id   uuid        NOT NULL REFERENCES endpoints,
    id            uuid        NOT NULL,
    secret        text, -- only in an installation without a vault
    secret_ct     bytea,
    secret_key_id bigint,
    added_at      timestamptz NOT NULL, -- on the wall clock, like expires_at
    expires_at    timestamptz,
    PRIMARY KEY (endpoint_id, id),
    CONSTRAINT endpoint_secrets_secret CHECK ((secret IS NULL) <> (secret_ct IS NULL) AND (secret_ct IS NULL) = (secret_key_id IS NULL))
);

CREATE TABLE deliveries (
    user_id     uuid        NOT NULL,
    endpoint_id uuid        NOT NULL REFERENCES endpoints,
    event_id    uuid        NOT NULL,
    xact        bigint      NOT NULL, -- of the event; 0 for events of earlier versions
    tries       integer     NOT NULL,
    next_try_at timestamptz NOT NULL, -- the same for all events of a viewer
    last_status text        NOT NULL,
    PRIMARY KEY (user_id, endpoint_id, event_id)
);
CREATE INDEX deliveries_next ON deliveries (endpoint_id, next_try_at, user_id, xact, event_id);

GRANT SELECT ON endpoints, endpoint_secrets TO billing_api;
GRANT UPDATE (disabled_at, epoch, xact, event_id, since, reached_at, tries, next_try_at, failing_since, last_try_at, last_status,
    replay_from, test_asked_at, tested_at, test_status, lease, leased_until) ON endpoints TO billing_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON deliveries TO billing_api;
GRANT SELECT ON endpoints, deliveries TO billing_panel;
GRANT UPDATE (disabled_at, next_try_at, replay_from, test_asked_at) ON endpoints TO billing_panel;
-- Only billingctl adds endpoints and secrets; it works as the owner, or as a login of earlier versions.
GRANT INSERT ON endpoints, endpoint_secrets TO billing_app;
GRANT UPDATE (expires_at, secret, secret_ct, secret_key_id), DELETE ON endpoint_secrets TO billing_app;

-- +goose Down
DROP TABLE deliveries, endpoint_secrets, endpoints;
