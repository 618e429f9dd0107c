-- stored_at is when the request was stored, on the clock of this server: lookups can lag
-- behind it, and keys can be forgotten some time after it.

-- +goose Up
ALTER TABLE simulator.requests
    ADD COLUMN stored_at   timestamptz NOT NULL DEFAULT statement_timestamp(),
    ADD COLUMN awaits_card boolean     NOT NULL DEFAULT false, -- the viewer has not entered a card on the page yet
    ADD COLUMN return_url  text        NOT NULL DEFAULT '';    -- where the viewer goes after the page

-- +goose Down
ALTER TABLE simulator.requests DROP COLUMN stored_at, DROP COLUMN awaits_card, DROP COLUMN return_url;
