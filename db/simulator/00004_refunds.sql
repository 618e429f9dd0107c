-- The simulated payment system pays back. stored_at is as that of requests.

-- +goose Up
ALTER TABLE simulator.requests
    ADD COLUMN refunds_as text NOT NULL DEFAULT ''; -- how refunds of the charge go; '' succeeds at once

CREATE TABLE simulator.refunds (
    key          text PRIMARY KEY,
    by_hand      boolean NOT NULL DEFAULT false, -- made in the payment system's own panel, so its key means nothing
    payment      text NOT NULL REFERENCES simulator.requests (key) ON UPDATE CASCADE,
    ref          text NOT NULL UNIQUE,
    amount       bigint NOT NULL CHECK (amount > 0),
    currency     text NOT NULL,
    status       text NOT NULL CHECK (status IN ('pending', 'succeeded', 'declined')),
    changes_at   timestamptz, -- when the status changes, on the wall clock
    changes_to   text NOT NULL DEFAULT '',
    at           timestamptz NOT NULL,
    stored_at    timestamptz NOT NULL DEFAULT statement_timestamp()
);
CREATE INDEX refunds_payment ON simulator.refunds (payment);
CREATE INDEX refunds_at ON simulator.refunds (at);
GRANT SELECT, INSERT, UPDATE ON simulator.refunds TO billing_simulator;

-- +goose Down
DROP TABLE simulator.refunds;
ALTER TABLE simulator.requests DROP COLUMN refunds_as;
