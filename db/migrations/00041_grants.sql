-- Periods that operators gave to viewers: see billing.Grant. A grant is never changed. The
-- unique constraint is the rule that a source, such as an outage, gives a viewer time once.

-- +goose Up
CREATE TABLE grants (
    user_id         uuid        NOT NULL,
    id              uuid        NOT NULL,
    subscription_id uuid        NOT NULL,
    period_start    timestamptz NOT NULL,
    period_end      timestamptz NOT NULL,
    source          text        NOT NULL,
    given_by        text        NOT NULL,
    reason          text        NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (user_id, id),
    CONSTRAINT grants_subscription FOREIGN KEY (user_id, subscription_id) REFERENCES subscriptions (user_id, id),
    CONSTRAINT grants_source UNIQUE (user_id, source),
    CONSTRAINT grants_period CHECK (period_start < period_end)
);
GRANT SELECT ON grants TO billing_api, billing_renew, billing_panel;
GRANT INSERT ON grants TO billing_app; -- only billingctl gives time; it works as the owner, or as a login of earlier versions

-- +goose Down
DROP TABLE grants;
