-- The simulated payment system accepts bank cards. The service's migration 4 used
-- to add these columns, so they may exist.

-- +goose Up

-- ADD COLUMN IF NOT EXISTS would lock the table even if the columns exist.
-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = 'simulator.requests'::regclass AND attname = 'issued' AND NOT attisdropped
    ) THEN
        ALTER TABLE simulator.requests
            ADD COLUMN issued           text NOT NULL DEFAULT '', -- the token given for a card
            ADD COLUMN approval_decline text NOT NULL DEFAULT '', -- the decline code after the viewer confirms; '' accepts
            ADD COLUMN settles_at       timestamptz,              -- when the payment settles without the viewer
            ADD COLUMN settles_decline  text NOT NULL DEFAULT ''; -- the decline code at that time; '' accepts
    END IF;
END
$$;
-- +goose StatementEnd

-- +goose Down
ALTER TABLE simulator.requests
    DROP COLUMN issued, DROP COLUMN approval_decline, DROP COLUMN settles_at, DROP COLUMN settles_decline;
