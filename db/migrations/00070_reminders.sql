-- The latest reminder of each subscription and reason: see billing.ReminderRules. The key and
-- due_at are the rule that a viewer is reminded once of a charge. The reminder itself is an
-- event. Its id cannot be that rule: the feed needs ids from the time of writing.

-- +goose Up
CREATE TABLE reminders (
    user_id         uuid        NOT NULL,
    subscription_id uuid        NOT NULL,
    reason          text        NOT NULL,
    due_at          timestamptz NOT NULL, -- the end of the period before the charge
    made_at         timestamptz NOT NULL,
    charge_at       timestamptz NOT NULL, -- due_at, or later if the notice was late
    PRIMARY KEY (user_id, subscription_id, reason),
    CONSTRAINT reminders_subscription FOREIGN KEY (user_id, subscription_id) REFERENCES subscriptions (user_id, id)
);
GRANT SELECT ON reminders TO billing_api, billing_renew, billing_panel;
GRANT INSERT, UPDATE (due_at, made_at, charge_at) ON reminders TO billing_renew;

-- +goose Down
DROP TABLE reminders;
