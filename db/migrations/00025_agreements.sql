-- Holds the agreement of events of the type agreed: see billing.Agreement. The other
-- events, and all of earlier versions, have none. due_now is in the currency of the price.
-- The programs may write the columns already, because they may insert whole events.

-- +goose Up
ALTER TABLE events
    ADD COLUMN price_amount    bigint,
    ADD COLUMN price_currency  text,
    ADD COLUMN interval_months integer,
    ADD COLUMN due_now         bigint,
    ADD COLUMN first_charge_at timestamptz,
    ADD COLUMN terms_version   text, -- NULL if the client named none
    ADD CONSTRAINT events_agreement CHECK (CASE WHEN type = 'agreed'
        THEN num_nulls(price_amount, price_currency, interval_months, due_now, first_charge_at) = 0
        ELSE num_nonnulls(price_amount, price_currency, interval_months, due_now, first_charge_at, terms_version) = 0
    END) NOT VALID; -- older rows comply, so no migration needs to scan them

-- +goose Down
ALTER TABLE events
    DROP CONSTRAINT events_agreement,
    DROP COLUMN price_amount,
    DROP COLUMN price_currency,
    DROP COLUMN interval_months,
    DROP COLUMN due_now,
    DROP COLUMN first_charge_at,
    DROP COLUMN terms_version;
