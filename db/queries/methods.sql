-- name: MethodsAdd :exec
INSERT INTO payment_methods (user_id, id, payment_system, token, token_ct, token_key_id, token_fingerprint, card_id, from_page, created_at)
SELECT
    unnest(@user_ids::uuid[]), unnest(@ids::uuid[]), unnest(@payment_systems::text[]), NULLIF(unnest(@tokens::text[]), ''),
    unnest(@token_cts::bytea[]), NULLIF(unnest(@token_key_ids::bigint[]), 0), unnest(@token_fingerprints::bytea[]),
    unnest(@card_ids::uuid[]), unnest(@from_pages::boolean[]), unnest(@created::timestamptz[]);

-- name: MethodForShare :one
SELECT * FROM payment_methods WHERE user_id = @user_id AND id = @id FOR SHARE;

-- name: MethodSetToken :exec
-- A page can give the token of another method. Fingerprints are unique, and so are
-- plaintext tokens, which only installations without a vault have: there the method gets
-- no token, as if its payment had not saved it.
UPDATE payment_methods m
SET token = @token, token_ct = @token_ct, token_key_id = @token_key_id,
    token_fingerprint = CASE WHEN NOT m.from_page THEN @token_fingerprint::bytea END
WHERE m.user_id = @user_id AND m.id = @id AND m.removed_at IS NULL
  AND (m.card_id IS NOT NULL OR m.from_page AND NOT EXISTS (
        SELECT FROM payment_methods o
        WHERE o.user_id = m.user_id AND o.payment_system = m.payment_system AND o.id <> m.id AND o.card_id IS NULL AND o.token = @token));

-- name: MethodsNamed :many
-- The methods that a removal names: those of a card, or one method.
SELECT * FROM payment_methods
WHERE user_id = @user_id AND (id = @target::uuid OR card_id = @target::uuid) AND removed_at IS NULL;

-- name: MethodsForRemoval :many
-- The methods that a removal names, and those that may have the same tokens. The
-- arrays are the fingerprints of the tokens under every key. A method without a
-- fingerprint is compared by the caller: a token in a parameter could get into the
-- log of the database.
-- FOR UPDATE waits for transactions that have locked a method FOR SHARE in order
-- to store an intent with it.
SELECT * FROM payment_methods m
WHERE m.user_id = @user_id AND m.removed_at IS NULL
  AND (m.id = @target::uuid OR m.card_id = @target::uuid
       OR (m.payment_system, m.token_fingerprint) IN (
            SELECT unnest(@payment_systems::text[]), unnest(@token_fingerprints::bytea[]))
       OR m.token_fingerprint IS NULL AND (m.token IS NOT NULL OR m.token_ct IS NOT NULL))
ORDER BY m.id
FOR UPDATE;

-- name: MethodsRemovedTogether :many
-- The methods with these ids, and those that were removed together with one that the
-- removal names. removed_with is the card or the method whose removal removed them.
SELECT m.* FROM payment_methods m
WHERE m.user_id = @user_id AND (m.id = ANY(@ids::uuid[]) OR m.removed_with IN (
    SELECT n.removed_with FROM payment_methods n
    WHERE n.user_id = @user_id AND (n.id = @target::uuid OR n.card_id = @target::uuid)))
ORDER BY m.id;

-- name: MethodsRemove :execrows
UPDATE payment_methods m
SET removed_at = k.removed_at, removed_with = @target::uuid, token = NULL, token_ct = NULL, token_key_id = NULL, token_fingerprint = NULL
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@removed_ats::timestamptz[]) AS removed_at) AS k
WHERE m.user_id = @user_id AND m.id = k.id;

-- name: MethodsMayBeCharged :one
-- A pending payment by one of the methods can still be sent, or the viewer can still
-- confirm it.
SELECT EXISTS (
    SELECT FROM payments p
    WHERE p.user_id = @user_id AND p.payment_method_id = ANY(@ids::uuid[])
      AND p.sweep_at IS NOT NULL AND (p.send_until > statement_timestamp() OR p.action_url <> ''));

-- name: MethodReencrypt :execrows
-- If another method has the same token fingerprint already, this one gets none, and a
-- method of a page has none at all.
-- A fingerprint only serves to find a method by its token, and the other method
-- is found.
UPDATE payment_methods m
SET token = NULL, token_ct = @token_ct, token_key_id = @token_key_id,
    token_fingerprint = CASE
        WHEN m.from_page THEN NULL
        WHEN m.card_id IS NULL AND EXISTS (
            SELECT FROM payment_methods o
            WHERE o.user_id = m.user_id AND o.payment_system = m.payment_system AND o.id <> m.id
              AND o.card_id IS NULL AND o.token_fingerprint = @token_fingerprint::bytea) THEN NULL
        ELSE @token_fingerprint::bytea END
WHERE m.user_id = @user_id AND m.id = @id;
