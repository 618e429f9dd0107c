-- +goose Up

-- survives: it finds plaintext tokens by user_id instead, and the new index has the
-- name by which it recognizes a duplicate
DROP INDEX payment_methods_token_once;
-- survives: as above
ALTER INDEX payment_methods_token_digest_once RENAME TO payment_methods_token_once;

-- +goose Down
ALTER INDEX payment_methods_token_once RENAME TO payment_methods_token_digest_once;
CREATE UNIQUE INDEX payment_methods_token_once ON payment_methods (user_id, payment_system, token) WHERE card_id IS NULL;
