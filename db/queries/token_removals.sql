-- name: TokenRemovalsAdd :exec
INSERT INTO token_removals (user_id, method_id, payment_system, token, token_ct, token_key_id)
SELECT unnest(@user_ids::uuid[]), unnest(@method_ids::uuid[]), unnest(@payment_systems::text[]),
    NULLIF(unnest(@tokens::text[]), ''), unnest(@token_cts::bytea[]), NULLIF(unnest(@token_key_ids::bigint[]), 0)
ON CONFLICT DO NOTHING;

-- name: TokenRemovalsLease :many
-- The interval is the rule billing.LookupInterval, here on the clock of this server.
WITH due AS (
    SELECT q.user_id, q.method_id FROM token_removals q
    WHERE q.forget_at <= statement_timestamp()
    ORDER BY q.forget_at
    LIMIT @take::int
    FOR UPDATE SKIP LOCKED)
UPDATE token_removals t
SET forget_at = statement_timestamp() + least(greatest((statement_timestamp() - t.removed_at) / 2, @shortest::interval), @longest::interval)
FROM due
WHERE t.user_id = due.user_id AND t.method_id = due.method_id
RETURNING sqlc.embed(t), statement_timestamp()::timestamptz AS leased_at;

-- name: TokenRemovalDone :exec
DELETE FROM token_removals WHERE user_id = @user_id AND method_id = @method_id;

-- name: TokenRemovalsToReencrypt :many
SELECT * FROM token_removals
WHERE (token IS NOT NULL OR token_key_id <> @key_id::bigint) AND (user_id, method_id) > (@after_user::uuid, @after_id::uuid)
ORDER BY user_id, method_id
LIMIT @take::int
FOR NO KEY UPDATE SKIP LOCKED;

-- name: TokenRemovalReencrypt :execrows
UPDATE token_removals SET token = NULL, token_ct = @token_ct, token_key_id = @token_key_id
WHERE user_id = @user_id AND method_id = @method_id;

-- name: MethodsOfSystem :many
SELECT * FROM payment_methods
WHERE user_id = @user_id AND payment_system = @payment_system AND removed_at IS NULL;
