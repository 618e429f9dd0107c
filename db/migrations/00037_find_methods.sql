-- The panel finds users by the last four digits of a card. Cards are written when a viewer adds
-- or removes one, so renewals do not pay for these indexes.

-- +goose NO TRANSACTION
-- +goose Up
GRANT SELECT (user_id, method_id, brand, last4, created_at) ON saved_methods TO billing_panel; -- not the pages and references
SET lock_timeout = 0;
-- survives: an interrupted attempt of this migration may have left it
DROP INDEX CONCURRENTLY IF EXISTS cards_last4;
CREATE INDEX CONCURRENTLY cards_last4 ON cards (last4);
-- survives: as above
DROP INDEX CONCURRENTLY IF EXISTS saved_methods_last4;
CREATE INDEX CONCURRENTLY saved_methods_last4 ON saved_methods (last4) WHERE last4 <> '';
RESET lock_timeout;

-- +goose Down
DROP INDEX saved_methods_last4, cards_last4;
REVOKE SELECT (user_id, method_id, brand, last4, created_at) ON saved_methods FROM billing_panel;
