-- Refunds of payments: see billing.Refund. They have a table of their own, because sweeps of
-- the previous version would take a pending row of payments for a charge to send. The
-- amounts that refunds have reserved are in payments.refunded, so that the table itself
-- refuses to pay back more than was paid.

-- +goose Up
ALTER TABLE payments
    ADD COLUMN refunded        bigint NOT NULL DEFAULT 0,
    ADD COLUMN charged_late_at timestamptz, -- when a payment that was given up turned out to be charged
    ADD CONSTRAINT payments_refunded CHECK (refunded BETWEEN 0 AND amount) NOT VALID; -- older rows comply

CREATE TABLE refunds (
    user_id         uuid        NOT NULL,
    id              uuid        NOT NULL, -- the idempotency key at the payment system
    payment_id      uuid        NOT NULL,
    subscription_id uuid        NOT NULL,
    payment_system  text        NOT NULL,
    amount          bigint      NOT NULL CONSTRAINT refunds_amount_positive CHECK (amount > 0),
    currency        text        NOT NULL,
    end_now         boolean     NOT NULL,
    requested_by    text        NOT NULL,
    reason          text        NOT NULL,
    status          text        NOT NULL CONSTRAINT refunds_status
        CHECK (status IN ('pending', 'succeeded', 'declined', 'abandoned')),
    decline_code    text        NOT NULL,
    provider_ref    text        NOT NULL,
    review_since    timestamptz,
    created_at      timestamptz NOT NULL,
    settled_at      timestamptz,
    -- Leases, on the clock of this server, as those of payments. A refund is looked up at
    -- sweep_at: while it is pending, and once more if a notification names it later.
    sweep_at        timestamptz,
    send_until      timestamptz NOT NULL DEFAULT statement_timestamp(),
    first_sent_at   timestamptz,
    PRIMARY KEY (user_id, id),
    CONSTRAINT refunds_payment FOREIGN KEY (user_id, payment_id) REFERENCES payments (user_id, id),
    CONSTRAINT refunds_settled CHECK ((status = 'pending') = (settled_at IS NULL)),
    CONSTRAINT refunds_lease CHECK (status <> 'pending' OR sweep_at IS NOT NULL)
);
CREATE UNIQUE INDEX refunds_one_open ON refunds (user_id, payment_id) WHERE status = 'pending';
CREATE INDEX refunds_of_payment ON refunds (user_id, payment_id);
CREATE INDEX refunds_id ON refunds (id); -- for notifications, which do not name the user
CREATE INDEX refunds_ref ON refunds (provider_ref) WHERE provider_ref <> '';
CREATE INDEX refunds_to_look_up ON refunds (sweep_at) WHERE sweep_at IS NOT NULL;

GRANT UPDATE (refunded, charged_late_at) ON payments TO billing_api, billing_renew;
GRANT SELECT, INSERT ON refunds TO billing_api, billing_renew;
GRANT UPDATE (status, decline_code, provider_ref, review_since, settled_at, sweep_at, send_until, first_sent_at)
    ON refunds TO billing_api, billing_renew;
GRANT SELECT ON refunds TO billing_panel;

-- +goose Down
DROP TABLE refunds;
ALTER TABLE payments DROP COLUMN refunded, DROP COLUMN charged_late_at;
