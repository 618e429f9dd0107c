-- name: PlanRemove :execrows
DELETE FROM plans WHERE id = @id;

-- name: PlanSubscribers :one
SELECT coalesce(sum(CASE type WHEN 'subscribed' THEN n WHEN 'ended' THEN -n END), 0)::bigint
FROM panel_counts WHERE plan_id = @plan_id;

-- name: PaymentSystemForUpdate :one
SELECT * FROM payment_systems WHERE code = @code FOR NO KEY UPDATE;

-- name: PaymentSystemRemove :execrows
DELETE FROM payment_systems WHERE code = @code;
