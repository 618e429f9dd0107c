-- name: MethodsAdd :exec
INSERT INTO payment_methods (user_id, id, payment_system, token, token_ct, token_key_id, token_fingerprint, card_id, created_at)
SELECT
    unnest(@user_ids::uuid[]), unnest(@ids::uuid[]), unnest(@payment_systems::text[]), NULLIF(unnest(@tokens::text[]), ''),
    unnest(@token_cts::bytea[]), NULLIF(unnest(@token_key_ids::bigint[]), 0), unnest(@token_fingerprints::bytea[]),
    unnest(@card_ids::uuid[]), unnest(@created::timestamptz[]);

-- name: MethodForShare :one
SELECT * FROM payment_methods WHERE user_id = @user_id AND id = @id FOR SHARE;

-- name: MethodSetToken :exec
UPDATE payment_methods
SET token = @token, token_ct = @token_ct, token_key_id = @token_key_id, token_fingerprint = @token_fingerprint
WHERE user_id = @user_id AND id = @id AND card_id IS NOT NULL AND removed_at IS NULL;

-- name: MethodsWithCard :many
SELECT * FROM payment_methods WHERE user_id = @user_id AND card_id = @card_id::uuid AND removed_at IS NULL;

-- name: MethodsOfCard :many
-- The methods of a card, and those with the same token. The parameters are the
-- fingerprints of the card's tokens under every key.
-- FOR UPDATE waits for transactions that have locked a method FOR SHARE in order
-- to store an intent with it.
SELECT * FROM payment_methods m
WHERE m.user_id = @user_id AND m.removed_at IS NULL
  AND (m.card_id = @card_id::uuid
       OR (m.payment_system, m.token_fingerprint) IN (
            SELECT c.payment_system, c.token_fingerprint FROM payment_methods c
            WHERE c.user_id = @user_id AND c.card_id = @card_id::uuid)
       OR (m.payment_system, m.token_fingerprint) IN (
            SELECT unnest(@payment_systems::text[]), unnest(@token_fingerprints::bytea[]))
       OR (m.payment_system, m.token) IN (
            SELECT c.payment_system, c.token FROM payment_methods c
            WHERE c.user_id = @user_id AND c.card_id = @card_id::uuid))
ORDER BY m.id
FOR UPDATE;

-- name: MethodsRemove :exec
UPDATE payment_methods
SET removed_at = @removed_at, removed_with = @card_id::uuid, token = NULL, token_ct = NULL, token_key_id = NULL, token_fingerprint = NULL
WHERE user_id = @user_id AND id = ANY(@ids::uuid[]);

-- name: MethodsRemovedWith :many
SELECT id FROM payment_methods WHERE user_id = @user_id AND removed_with = @card_id::uuid ORDER BY id;

-- name: MethodReencrypt :execrows
-- If another method has the same token fingerprint already, this one gets none.
-- A fingerprint only serves to find a method by its token, and the other method
-- is found.
UPDATE payment_methods m
SET token = NULL, token_ct = @token_ct, token_key_id = @token_key_id,
    token_fingerprint = CASE
        WHEN m.card_id IS NULL AND EXISTS (
            SELECT FROM payment_methods o
            WHERE o.user_id = m.user_id AND o.payment_system = m.payment_system AND o.id <> m.id
              AND o.card_id IS NULL AND o.token_fingerprint = @token_fingerprint::bytea) THEN NULL
        ELSE @token_fingerprint::bytea END
WHERE m.user_id = @user_id AND m.id = @id;
