-- The admin panel's own tables: its users, their changes, and figures that can be
-- read quickly, even if the history is long.

-- +goose Up

-- The role that the panel works as. It reads the data of the panel's pages and
-- writes the catalogue. It can read neither tokens nor encrypted card numbers.
-- Roles belong to the whole cluster, and other databases of it may be migrating
-- at this moment. A login that may not create roles needs them created beforehand.
-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'billing_panel') THEN
        BEGIN
            CREATE ROLE billing_panel NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
    BEGIN
        GRANT billing_panel TO CURRENT_USER;
    EXCEPTION
        WHEN unique_violation THEN
            NULL;
        WHEN insufficient_privilege THEN
            IF NOT pg_has_role('billing_panel', 'MEMBER') THEN
                RAISE;
            END IF;
    END;
END
$$;
-- +goose StatementEnd

CREATE TABLE panel_users (
    id            uuid PRIMARY KEY,
    name          text        NOT NULL CONSTRAINT panel_users_name_once UNIQUE,
    role          text        NOT NULL CONSTRAINT panel_users_role CHECK (role IN ('viewer', 'editor')),
    password_hash text        NOT NULL,
    language      text        NOT NULL, -- empty until the user chooses one
    created_at    timestamptz NOT NULL,
    disabled_at   timestamptz,
    failures      int         NOT NULL, -- wrong passwords in a row
    locked_until  timestamptz
);

-- The sessions of signed-in users. Only the browser has the token itself.
CREATE TABLE panel_sessions (
    token_hash bytea PRIMARY KEY,
    user_id    uuid        NOT NULL CONSTRAINT panel_sessions_user REFERENCES panel_users,
    created_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    origin     text        NOT NULL
);
CREATE INDEX panel_sessions_user_id ON panel_sessions (user_id);
CREATE INDEX panel_sessions_seen_at ON panel_sessions (seen_at);

-- The changes that operators made. Rows are only added.
CREATE TABLE panel_audit (
    id       uuid PRIMARY KEY, -- UUIDv7: grows with time, and orders the list
    at       timestamptz NOT NULL,
    operator text        NOT NULL,
    origin   text        NOT NULL,
    action   text        NOT NULL,
    object   text        NOT NULL,
    before   jsonb       NOT NULL,
    after    jsonb       NOT NULL
);

-- The numbers of events per hour. Counting millions of events takes too long for a
-- page, and renewals would queue for a counter that each of them updates. So the
-- statement that appends events also appends their sums: a few rows for a whole
-- batch. The panel folds these rows into the sums from time to time. Both tables
-- together are exact at any moment.
CREATE TABLE panel_figures (
    hour         timestamptz NOT NULL,
    plan_id      uuid        NOT NULL,
    type         text        NOT NULL,
    decline_code text        NOT NULL,
    currency     text        NOT NULL,
    n            bigint      NOT NULL,
    amount       bigint      NOT NULL,
    PRIMARY KEY (hour, plan_id, type, decline_code, currency)
);

CREATE TABLE panel_totals (
    plan_id uuid   NOT NULL,
    type    text   NOT NULL,
    n       bigint NOT NULL,
    PRIMARY KEY (plan_id, type)
);

CREATE TABLE panel_deltas (
    hour         timestamptz NOT NULL,
    plan_id      uuid        NOT NULL,
    type         text        NOT NULL,
    decline_code text        NOT NULL,
    currency     text        NOT NULL,
    n            bigint      NOT NULL,
    amount       bigint      NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);

CREATE VIEW panel_hours AS
    SELECT hour, plan_id, type, decline_code, currency, n, amount FROM panel_figures
    UNION ALL
    SELECT hour, plan_id, type, decline_code, currency, n, amount FROM panel_deltas;

CREATE VIEW panel_counts AS
    SELECT plan_id, type, n FROM panel_totals
    UNION ALL
    SELECT plan_id, type, n FROM panel_deltas;

INSERT INTO panel_figures (hour, plan_id, type, decline_code, currency, n, amount)
SELECT date_trunc('hour', e.at, 'UTC'), s.plan_id, e.type, e.decline_code, coalesce(e.currency, ''),
       count(*), coalesce(sum(e.amount), 0)
FROM events e JOIN subscriptions s ON s.user_id = e.user_id AND s.id = e.subscription_id
GROUP BY 1, 2, 3, 4, 5;
INSERT INTO panel_totals (plan_id, type, n) SELECT plan_id, type, sum(n) FROM panel_figures GROUP BY 1, 2;

-- For the panel's lists. Their cost to renewals is negligible: users are added
-- once, the summary of the history has a few pages, and subscriptions that are past
-- due or canceled are rare.
CREATE INDEX users_first_seen ON users (first_seen_at, id);
CREATE INDEX events_at ON events USING brin (at) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX subscriptions_ending ON subscriptions (next_charge_at) WHERE cancel_at_period_end AND next_charge_at IS NOT NULL;
CREATE INDEX subscriptions_past_due ON subscriptions (plan_id) WHERE status = 'past_due';

GRANT SELECT ON users, plans, payment_systems, subscriptions, payments, events, renewal_runs, test_clock,
    schema_migrations TO billing_panel;
GRANT SELECT (user_id, id, payment_system, created_at, removed_at, card_id) ON payment_methods TO billing_panel; -- not the token
GRANT SELECT (user_id, id, brand, last4, exp_month, exp_year, created_at, removed_at) ON cards TO billing_panel; -- not the number
GRANT INSERT, UPDATE, DELETE ON plans, payment_systems TO billing_panel;
GRANT SELECT, INSERT ON panel_audit TO billing_panel; -- no changes
GRANT SELECT, UPDATE ON panel_users TO billing_panel; -- only billingctl adds users
GRANT SELECT, INSERT, UPDATE, DELETE ON panel_sessions TO billing_panel;
GRANT SELECT, INSERT, UPDATE, DELETE ON panel_figures, panel_totals, panel_deltas TO billing_panel;
GRANT SELECT ON panel_hours, panel_counts TO billing_panel;
GRANT INSERT ON panel_audit, panel_deltas TO billing_app;
GRANT SELECT ON panel_counts TO billing_app;

-- +goose Down

-- The role stays because other databases of the cluster may use it.
DROP INDEX users_first_seen, events_at, subscriptions_ending, subscriptions_past_due;
DROP VIEW panel_counts, panel_hours;
DROP TABLE panel_deltas, panel_totals, panel_figures, panel_audit, panel_sessions, panel_users;
