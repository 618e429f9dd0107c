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
SELECT * FROM payments
WHERE user_id = @user_id AND id < @before::uuid
ORDER BY id DESC
LIMIT @take::int;
