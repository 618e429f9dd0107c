-- name: SubscriptionLive :one
SELECT sqlc.embed(s), p.code AS plan_code
FROM subscriptions s JOIN plans p ON p.id = s.plan_id
WHERE s.user_id = @user_id AND s.plan_id = @plan_id AND s.ended_at IS NULL
FOR NO KEY UPDATE OF s;

-- name: SubscriptionNamed :one
SELECT sqlc.embed(s), p.code AS plan_code
FROM subscriptions s JOIN plans p ON p.id = s.plan_id
WHERE s.user_id = @user_id AND (s.id::text = @ref::text OR p.code = @ref::text OR p.id::text = @ref::text)
ORDER BY s.ended_at IS NULL DESC, s.id DESC
LIMIT 1
FOR NO KEY UPDATE OF s;

-- name: SubscriptionsLock :many
SELECT sqlc.embed(s), p.code AS plan_code
FROM (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id) AS k
JOIN subscriptions s ON s.user_id = k.user_id AND s.id = k.id
JOIN plans p ON p.id = s.plan_id
ORDER BY s.id
FOR NO KEY UPDATE OF s;

-- name: SubscriptionsAdd :exec
INSERT INTO subscriptions (
    user_id, id, plan_id, payment_method_id, payment_system, price_amount, price_currency, interval_months, status,
    anchor_at, period_start, period_end, next_charge_at, cancel_at_period_end, latest_payment_id,
    created_at, started_at, ended_at)
SELECT
    unnest(@user_ids::uuid[]), unnest(@ids::uuid[]), unnest(@plan_ids::uuid[]), unnest(@payment_method_ids::uuid[]), unnest(@payment_systems::text[]),
    unnest(@price_amounts::bigint[]), unnest(@price_currencies::text[]), unnest(@interval_months::int[]), unnest(@statuses::text[]),
    unnest(@anchors::timestamptz[]), unnest(@period_starts::timestamptz[]), unnest(@period_ends::timestamptz[]),
    unnest(@next_charges::timestamptz[]), unnest(@cancels::bool[]), unnest(@latest_payment_ids::uuid[]),
    unnest(@created::timestamptz[]), unnest(@started::timestamptz[]), unnest(@ended::timestamptz[]);

-- name: SubscriptionsSave :execrows
UPDATE subscriptions s
SET payment_method_id = n.payment_method_id, status = n.status, period_start = n.period_start,
    period_end = n.period_end, next_charge_at = n.next_charge_at, cancel_at_period_end = n.cancel_at_period_end,
    latest_payment_id = n.latest_payment_id, started_at = n.started_at, ended_at = n.ended_at
FROM (SELECT
    unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id,
    unnest(@payment_method_ids::uuid[]) AS payment_method_id, unnest(@statuses::text[]) AS status,
    unnest(@period_starts::timestamptz[]) AS period_start, unnest(@period_ends::timestamptz[]) AS period_end,
    unnest(@next_charges::timestamptz[]) AS next_charge_at, unnest(@cancels::bool[]) AS cancel_at_period_end,
    unnest(@latest_payment_ids::uuid[]) AS latest_payment_id,
    unnest(@started::timestamptz[]) AS started_at, unnest(@ended::timestamptz[]) AS ended_at) AS n
WHERE s.user_id = n.user_id AND s.id = n.id;
