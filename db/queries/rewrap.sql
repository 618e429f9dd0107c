-- name: CardsToReencrypt :many
SELECT * FROM cards
WHERE key_id <> @key_id::bigint AND (user_id, id) > (@after_user::uuid, @after_id::uuid)
ORDER BY user_id, id
LIMIT @take::int
FOR NO KEY UPDATE SKIP LOCKED;

-- name: CardReencrypt :execrows
UPDATE cards SET number_ct = @number_ct, key_id = @key_id WHERE user_id = @user_id AND id = @id;

-- name: MethodsToReencrypt :many
-- Methods with a plaintext token, or a token that is encrypted with another key.
SELECT * FROM payment_methods
WHERE (token IS NOT NULL OR token_key_id <> @key_id::bigint) AND (user_id, id) > (@after_user::uuid, @after_id::uuid)
ORDER BY user_id, id
LIMIT @take::int
FOR NO KEY UPDATE SKIP LOCKED;

-- name: CardsByKey :many
SELECT key_id::bigint AS key_id, count(*) AS rows
FROM cards WHERE key_id IS NOT NULL
GROUP BY 1
ORDER BY 1;

-- name: TokensByKey :many
SELECT coalesce(t.token_key_id, 0)::bigint AS key_id, count(*) AS rows
FROM (
    SELECT token_key_id FROM payment_methods WHERE token IS NOT NULL OR token_ct IS NOT NULL
    UNION ALL
    SELECT token_key_id FROM token_removals) AS t
GROUP BY 1
ORDER BY 1;

-- name: ConsentsToSign :many
-- Live subscriptions whose consent is not signed, or signed with another key. A
-- signature begins with the id of its key. Nothing was agreed for a plan that was given.
SELECT * FROM subscriptions
WHERE ended_at IS NULL AND payment_method_id IS NOT NULL AND (consent_mac IS NULL OR substring(consent_mac FROM 1 FOR 4) <> @key::bytea)
  AND (user_id, id) > (@after_user::uuid, @after_id::uuid)
ORDER BY user_id, id
LIMIT @take::int
FOR NO KEY UPDATE SKIP LOCKED;

-- name: ConsentsSign :execrows
UPDATE subscriptions s SET consent_mac = n.consent_mac
FROM (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id, unnest(@consent_macs::bytea[]) AS consent_mac) AS n
WHERE s.user_id = n.user_id AND s.id = n.id;

-- name: ConsentsCount :one
SELECT count(*) FILTER (WHERE consent_mac IS NULL) AS unsigned,
    count(*) FILTER (WHERE substring(consent_mac FROM 1 FOR 4) <> @key::bytea) AS of_other_keys
FROM subscriptions WHERE ended_at IS NULL AND payment_method_id IS NOT NULL;
