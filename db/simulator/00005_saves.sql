-- Cards can be saved on a page without a charge, and tokens can be forgotten. A payment
-- system shows the brand and the last four digits of a saved card to the merchant.

-- +goose Up
CREATE TABLE simulator.saves (
    key              text PRIMARY KEY,
    fingerprint      bytea       NOT NULL, -- of the whole request
    status           text        NOT NULL CHECK (status IN ('pending', 'active', 'failed')),
    decline_code     text        NOT NULL DEFAULT '' CHECK ((decline_code <> '') = (status = 'failed')),
    ref              text        NOT NULL UNIQUE,
    action           text        NOT NULL UNIQUE, -- identifies the page
    expires_at       timestamptz NOT NULL, -- end of the time for the page
    return_url       text        NOT NULL, -- where the viewer goes after the page
    awaits_card      boolean     NOT NULL DEFAULT true, -- the viewer has not entered a card on the page yet
    approval_decline text        NOT NULL DEFAULT '', -- the decline code after the viewer confirms; '' accepts
    issued           text        NOT NULL DEFAULT '', -- the token given for the card
    brand            text        NOT NULL DEFAULT '',
    last4            text        NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON simulator.saves TO billing_simulator;

ALTER TABLE simulator.tokens ADD COLUMN forgotten boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE simulator.tokens DROP COLUMN forgotten;
DROP TABLE simulator.saves;
