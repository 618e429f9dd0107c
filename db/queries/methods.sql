-- name: MethodsAdd :exec
INSERT INTO payment_methods (user_id, id, payment_system, token, token_ct, token_key_id, token_fingerprint, card_id, created_at)
SELECT
    unnest(@user_ids::uuid[]), unnest(@ids::uuid[]), unnest(@payment_systems::text[]), NULLIF(unnest(@tokens::text[]), ''),
    unnest(@token_cts::bytea[]), NULLIF(unnest(@token_key_ids::bigint[]), 0), unnest(@token_fingerprints::bytea[]),
    unnest(@card_ids::uuid[]), unnest(@created::timestamptz[]);

-- name: MethodsByToken :many
-- Locked, so that nobody removes one before an intent with it is stored. A token
-- may be there as it was kept before there was a vault. For the array in a SELECT of
-- its own see UsersSeen.
SELECT m.*
FROM (SELECT unnest((SELECT @user_ids::uuid[])) AS user_id, unnest(@payment_systems::text[]) AS payment_system,
             unnest(@token_fingerprints::bytea[]) AS token_fingerprint, unnest(@tokens::text[]) AS token) AS k
CROSS JOIN LATERAL ( -- an OR would go through all methods of the user
    SELECT f.id FROM payment_methods f
    WHERE f.user_id = k.user_id AND f.payment_system = k.payment_system AND f.card_id IS NULL
      AND f.token_fingerprint = k.token_fingerprint
    UNION ALL
    SELECT c.id FROM payment_methods c
    WHERE c.user_id = k.user_id AND c.payment_system = k.payment_system AND c.card_id IS NULL AND c.token = k.token) AS o
JOIN payment_methods m ON m.user_id = k.user_id AND m.id = o.id
WHERE m.removed_at IS NULL
ORDER BY m.id
FOR SHARE OF m;

-- name: Method :one
SELECT * FROM payment_methods WHERE user_id = @user_id AND id = @id FOR SHARE;

-- name: MethodRetoken :exec
UPDATE payment_methods
SET token = @token, token_ct = @token_ct, token_key_id = @token_key_id, token_fingerprint = @token_fingerprint
WHERE user_id = @user_id AND id = @id AND card_id IS NOT NULL AND removed_at IS NULL;

-- name: MethodsOfCard :many
-- FOR UPDATE waits for whoever has locked one of them to store an intent with it.
SELECT * FROM payment_methods m
WHERE m.user_id = @user_id AND m.removed_at IS NULL
  AND (m.card_id = @card_id::uuid
       OR (m.payment_system, m.token_fingerprint) IN (
            SELECT c.payment_system, c.token_fingerprint FROM payment_methods c
            WHERE c.user_id = @user_id AND c.card_id = @card_id::uuid)
       OR (m.payment_system, m.token) IN (
            SELECT c.payment_system, c.token FROM payment_methods c
            WHERE c.user_id = @user_id AND c.card_id = @card_id::uuid))
ORDER BY m.id
FOR UPDATE;

-- name: MethodsRemove :exec
UPDATE payment_methods
SET removed_at = @removed_at, removed_with = @card_id::uuid, token = NULL, token_ct = NULL, token_key_id = NULL, token_fingerprint = NULL
WHERE user_id = @user_id AND id = ANY(@ids::uuid[]);

-- name: MethodsToSeal :many
-- Those whose token is in the clear or was sealed with another key.
SELECT * FROM payment_methods
WHERE (token IS NOT NULL OR token_key_id <> @key_id::bigint) AND (user_id, id) > (@after_user::uuid, @after_id::uuid)
ORDER BY user_id, id
LIMIT @take::int
FOR NO KEY UPDATE SKIP LOCKED;

-- name: MethodSeal :execrows
-- The fingerprint of a token that another method has by now is left out: it only
-- serves to find a method, and finds the other.
UPDATE payment_methods m
SET token = NULL, token_ct = @token_ct, token_key_id = @token_key_id,
    token_fingerprint = CASE
        WHEN m.card_id IS NULL AND EXISTS (
            SELECT FROM payment_methods o
            WHERE o.user_id = m.user_id AND o.payment_system = m.payment_system AND o.id <> m.id
              AND o.card_id IS NULL AND o.token_fingerprint = @token_fingerprint::bytea) THEN NULL
        ELSE @token_fingerprint::bytea END
WHERE m.user_id = @user_id AND m.id = @id;

-- name: TokensByKey :many
SELECT coalesce(token_key_id, 0)::bigint AS key_id, count(*) AS rows
FROM payment_methods
WHERE token IS NOT NULL OR token_ct IS NOT NULL
GROUP BY 1
ORDER BY 1;
