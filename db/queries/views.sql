-- name: ViewSubscription :one
SELECT sqlc.embed(s), sqlc.embed(pay), p.code AS plan_code, p.features
FROM subscriptions s
JOIN plans p ON p.id = s.plan_id
JOIN payments pay ON pay.user_id = s.user_id AND pay.id = s.latest_payment_id
WHERE s.user_id = @user_id AND (s.id::text = @ref::text OR p.code = @ref::text OR p.id::text = @ref::text)
ORDER BY s.ended_at IS NULL DESC, s.id DESC
LIMIT 1;

-- name: ViewSubscriptions :many
SELECT sqlc.embed(s), sqlc.embed(pay), p.code AS plan_code, p.features
FROM subscriptions s
JOIN plans p ON p.id = s.plan_id
JOIN payments pay ON pay.user_id = s.user_id AND pay.id = s.latest_payment_id
WHERE s.user_id = @user_id AND (NOT @live_only::bool OR s.ended_at IS NULL) AND s.id < @before::uuid
ORDER BY s.id DESC
LIMIT @take::int;

-- name: ViewEvents :many
SELECT * FROM events
WHERE user_id = @user_id AND id < @before::uuid
ORDER BY id DESC
LIMIT @take::int;

-- name: ViewPayments :many
-- Paid ones and others have an index of the user's each: see the key of payments.
SELECT a.* FROM payments a
WHERE a.user_id = @user_id AND a.id < @before::uuid AND a.status IN ('pending', 'succeeded')
UNION ALL
SELECT b.* FROM payments b
WHERE b.user_id = @user_id AND b.id < @before::uuid AND b.status IN ('declined', 'abandoned')
ORDER BY id DESC
LIMIT @take::int;
