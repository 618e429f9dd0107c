-- The service's own tables. In tables of user data, user_id is the first column of
-- all keys and of the foreign keys between such tables, so that they can be
-- distributed by user later. Times that decide anything come from the application.

-- +goose Up

-- The role that the service works as.
-- Roles belong to the whole cluster, and other databases of it may be migrating
-- at this moment. A login that may not create roles needs them created beforehand.
-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'billing_app') THEN
        BEGIN
            CREATE ROLE billing_app NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
    BEGIN
        GRANT billing_app TO CURRENT_USER;
    EXCEPTION
        WHEN unique_violation THEN
            NULL;
        WHEN insufficient_privilege THEN
            IF NOT pg_has_role('billing_app', 'MEMBER') THEN
                RAISE;
            END IF;
    END;
END
$$;
-- +goose StatementEnd

CREATE TABLE users (
    id            uuid PRIMARY KEY, -- derived from the subject of the viewer's token
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL
);

CREATE TABLE payment_systems (
    code        text PRIMARY KEY,
    name        text        NOT NULL,
    created_at  timestamptz NOT NULL,
    archived_at timestamptz
);

-- The link between a user and the user's token at a payment system.
CREATE TABLE payment_methods (
    user_id        uuid        NOT NULL CONSTRAINT payment_methods_user REFERENCES users,
    id             uuid        NOT NULL,
    payment_system text        NOT NULL CONSTRAINT payment_methods_payment_system REFERENCES payment_systems,
    token          text        NOT NULL,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (user_id, id),
    CONSTRAINT payment_methods_token_once UNIQUE (user_id, payment_system, token)
);

CREATE TABLE plans (
    id              uuid PRIMARY KEY,
    code            text        NOT NULL CONSTRAINT plans_code_once UNIQUE,
    name            text        NOT NULL,
    price_amount    bigint      NOT NULL CONSTRAINT plans_price_positive CHECK (price_amount > 0), -- minor units
    price_currency  text        NOT NULL CONSTRAINT plans_currency CHECK (price_currency ~ '^[A-Z]{3}$'),
    interval_months int         NOT NULL CONSTRAINT plans_interval CHECK (interval_months BETWEEN 1 AND 36),
    features        text[]      NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    archived_at     timestamptz
);

CREATE TABLE subscriptions (
    user_id              uuid        NOT NULL CONSTRAINT subscriptions_user REFERENCES users,
    id                   uuid        NOT NULL,
    plan_id              uuid        NOT NULL CONSTRAINT subscriptions_plan REFERENCES plans,
    payment_method_id    uuid        NOT NULL,
    payment_system       text        NOT NULL,
    price_amount         bigint      NOT NULL CONSTRAINT subscriptions_price_positive CHECK (price_amount > 0),
    price_currency       text        NOT NULL,
    interval_months      int         NOT NULL,
    status               text        NOT NULL CONSTRAINT subscriptions_status
        CHECK (status IN ('incomplete', 'active', 'past_due', 'ended')),
    anchor_at            timestamptz NOT NULL, -- start of the count of periods
    period_start         timestamptz NOT NULL,
    period_end           timestamptz NOT NULL,
    next_charge_at       timestamptz,
    cancel_at_period_end bool        NOT NULL,
    latest_payment_id    uuid        NOT NULL,
    created_at           timestamptz NOT NULL,
    started_at           timestamptz,
    ended_at             timestamptz,
    PRIMARY KEY (user_id, id),
    CONSTRAINT subscriptions_payment_method
        FOREIGN KEY (user_id, payment_method_id) REFERENCES payment_methods (user_id, id),
    CONSTRAINT subscriptions_period CHECK (period_end > period_start),
    CONSTRAINT subscriptions_ended CHECK ((status = 'ended') = (ended_at IS NOT NULL)),
    CONSTRAINT subscriptions_schedule CHECK ((status IN ('active', 'past_due')) = (next_charge_at IS NOT NULL))
) WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);

CREATE UNIQUE INDEX subscriptions_one_live ON subscriptions (user_id, plan_id) WHERE ended_at IS NULL;
CREATE INDEX subscriptions_due ON subscriptions (next_charge_at) WHERE next_charge_at IS NOT NULL;

-- The payment intents and their outcomes.
CREATE TABLE payments (
    user_id           uuid        NOT NULL,
    id                uuid        NOT NULL, -- the idempotency key at the payment system
    subscription_id   uuid        NOT NULL,
    payment_method_id uuid        NOT NULL,
    payment_system    text        NOT NULL,
    initiator         text        NOT NULL CONSTRAINT payments_initiator CHECK (initiator IN ('customer', 'merchant')),
    amount            bigint      NOT NULL CONSTRAINT payments_amount_positive CHECK (amount > 0),
    currency          text        NOT NULL,
    period_start      timestamptz NOT NULL,
    period_end        timestamptz NOT NULL,
    status            text        NOT NULL CONSTRAINT payments_status
        CHECK (status IN ('pending', 'succeeded', 'declined', 'abandoned')),
    decline_code      text        NOT NULL,
    provider_ref      text        NOT NULL,
    action_url        text        NOT NULL,
    contradiction     text        NOT NULL,
    created_at        timestamptz NOT NULL,
    settled_at        timestamptz,
    -- Leases of a pending payment, on the clock of this server. Sweeps skip the
    -- payment until sweep_at. Its sender may send it until send_until.
    sweep_at          timestamptz,
    send_until        timestamptz,
    PRIMARY KEY (user_id, id),
    CONSTRAINT payments_subscription
        FOREIGN KEY (user_id, subscription_id) REFERENCES subscriptions (user_id, id),
    CONSTRAINT payments_payment_method
        FOREIGN KEY (user_id, payment_method_id) REFERENCES payment_methods (user_id, id),
    CONSTRAINT payments_settled CHECK ((status = 'pending') = (settled_at IS NULL)),
    CONSTRAINT payments_lease CHECK ((status = 'pending') = (sweep_at IS NOT NULL)
        AND (status = 'pending') = (send_until IS NOT NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);

-- Money is taken once: a subscription has at most one pending payment, and a period
-- at most one pending or succeeded payment. Queries do not filter by these statuses,
-- because the planner would then use these indexes for lookups by id.
CREATE UNIQUE INDEX payments_one_open ON payments (user_id, subscription_id) WHERE sweep_at IS NOT NULL;
CREATE UNIQUE INDEX payments_paid_once ON payments (user_id, subscription_id, period_start)
    WHERE status IN ('pending', 'succeeded');
CREATE INDEX payments_unsettled ON payments (sweep_at) WHERE sweep_at IS NOT NULL;

-- The history of subscribing and cancelling. It only grows.
CREATE TABLE events (
    user_id         uuid        NOT NULL,
    id              uuid        NOT NULL, -- UUIDv7: grows with time, and orders the history
    type            text        NOT NULL,
    at              timestamptz NOT NULL,
    subscription_id uuid        NOT NULL,
    plan_code       text        NOT NULL, -- at that time
    payment_id      uuid,
    amount          bigint,
    currency        text,
    decline_code    text        NOT NULL,
    access_until    timestamptz,
    PRIMARY KEY (user_id, id),
    CONSTRAINT events_subscription
        FOREIGN KEY (user_id, subscription_id) REFERENCES subscriptions (user_id, id)
);

-- The responses to requests with an Idempotency-Key. The requests are not stored.
CREATE TABLE idempotency_answers (
    user_id         uuid        NOT NULL,
    key             text        NOT NULL,
    fingerprint     bytea       NOT NULL,
    owner           text        NOT NULL, -- the first request with this key
    subscription_id uuid,                 -- the subscription that the request worked on
    status          int,
    body            bytea,
    made_at         timestamptz NOT NULL DEFAULT statement_timestamp(), -- on the clock of this server, for pruning
    CONSTRAINT idempotency_answers_once PRIMARY KEY (user_id, key),
    CONSTRAINT idempotency_answers_whole CHECK ((status IS NULL) = (body IS NULL))
);
CREATE INDEX idempotency_answers_age ON idempotency_answers (made_at);

GRANT SELECT, INSERT, UPDATE ON users, payment_systems, payment_methods, plans, subscriptions, payments TO billing_app;
GRANT SELECT, INSERT ON events TO billing_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_answers TO billing_app;
GRANT SELECT ON schema_migrations TO billing_app;

-- +goose Down
DROP TABLE idempotency_answers, events, payments, subscriptions, plans, payment_methods, payment_systems, users;
