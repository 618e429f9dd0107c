-- Holds the reason of a reminder, and the time of the charge that it announces. The amount of
-- that charge is in the column amount. The programs may write the columns already, because
-- they may insert whole events.

-- +goose Up
ALTER TABLE events
    ADD COLUMN reason    text,
    ADD COLUMN charge_at timestamptz,
    ADD CONSTRAINT events_reminder CHECK (CASE WHEN type = 'renewal_reminder'
        THEN num_nulls(reason, charge_at, amount) = 0
        ELSE num_nonnulls(reason, charge_at) = 0
    END) NOT VALID; -- older rows comply, so no migration needs to scan them

-- +goose Down
ALTER TABLE events
    DROP CONSTRAINT events_reminder,
    DROP COLUMN reason,
    DROP COLUMN charge_at;
