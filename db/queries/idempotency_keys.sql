-- name: IdempotencyKeysClaim :exec
-- The order of the rows prevents deadlocks between transactions that claim the
-- same keys.
INSERT INTO idempotency_answers (user_id, key, fingerprint, owner, subscription_id)
SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@keys::text[]) AS key, unnest(@fingerprints::bytea[]),
       unnest(@owners::text[]), unnest(@subscription_ids::uuid[])
ORDER BY 1, 2;

-- name: IdempotencyKey :one
-- The keys are forms of one key. UsersSeen explains the array in a SELECT of its own.
SELECT * FROM idempotency_answers
WHERE user_id = @user_id AND key = ANY((SELECT @keys::text[])::text[])
ORDER BY made_at
LIMIT 1;

-- name: IdempotencyKeyStoreResponse :exec
-- The row is new only if the request has no claim.
INSERT INTO idempotency_answers (user_id, key, fingerprint, owner, status, body, unclaimed)
VALUES (@user_id, @key, @fingerprint, @owner, @status, @body, true)
ON CONFLICT ON CONSTRAINT idempotency_answers_once DO UPDATE
SET status = excluded.status, body = excluded.body
WHERE idempotency_answers.owner = excluded.owner AND idempotency_answers.status IS NULL;

-- name: IdempotencyKeyRelease :exec
DELETE FROM idempotency_answers
WHERE user_id = @user_id AND key = @key AND owner = @owner AND status IS NULL;

-- name: IdempotencyKeysExcess :one
-- The wait ends when the oldest of the (most + 1) newest keys is older than age.
SELECT coalesce(extract(epoch FROM
    (array_agg(made_at ORDER BY made_at DESC))[1 + @most::int] - statement_timestamp() + @age::interval), 0)::float8 AS seconds
FROM idempotency_answers
WHERE user_id = @user_id AND made_at > statement_timestamp() - @age::interval;

-- name: IdempotencyKeysPrune :execrows
DELETE FROM idempotency_answers
WHERE (user_id, key) IN (
    SELECT a.user_id, a.key FROM idempotency_answers a
    WHERE a.made_at <= statement_timestamp() - @age::interval
    ORDER BY a.made_at
    LIMIT @take::int
    FOR UPDATE SKIP LOCKED);

-- name: IdempotencyKeysPruneUnclaimed :execrows
DELETE FROM idempotency_answers
WHERE (user_id, key) IN (
    SELECT a.user_id, a.key FROM idempotency_answers a
    WHERE a.unclaimed AND a.made_at <= statement_timestamp() - @age::interval
    ORDER BY a.made_at
    LIMIT @take::int
    FOR UPDATE SKIP LOCKED);
