-- A unique index on a digest of plaintext tokens, because an entry of an index on the
-- tokens themselves must be shorter than 2,704 bytes. The next migration replaces
-- that index. Doubled backslashes give the cast the bytes of the token unchanged.

-- +goose NO TRANSACTION
-- +goose Up
SET lock_timeout = 0;
-- survives: an interrupted attempt of this migration may have left it
DROP INDEX CONCURRENTLY IF EXISTS payment_methods_token_digest_once;
CREATE UNIQUE INDEX CONCURRENTLY payment_methods_token_digest_once
    ON payment_methods (user_id, payment_system, sha256(replace(token, '\', '\\')::bytea)) WHERE card_id IS NULL AND token IS NOT NULL;
RESET lock_timeout;

-- +goose Down
DROP INDEX IF EXISTS payment_methods_token_digest_once;
