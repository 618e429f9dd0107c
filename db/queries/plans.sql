-- name: PlanForUpdate :one
SELECT * FROM plans
WHERE code = @ref::text OR id::text = @ref::text
FOR NO KEY UPDATE;

-- name: PlanAdd :exec
INSERT INTO plans (id, code, name, price_amount, price_currency, interval_months, features,
                   created_at, updated_at, archived_at, ending_at, plan_group, vat)
VALUES (@id, @code, @name, @price_amount, @price_currency, @interval_months, @features,
        @created_at, @updated_at, @archived_at, @ending_at, @plan_group, @vat);

-- name: PlanSave :execrows
UPDATE plans
SET code = @code, name = @name, price_amount = @price_amount, price_currency = @price_currency,
    interval_months = @interval_months, features = @features, updated_at = @updated_at, archived_at = @archived_at, ending_at = @ending_at, plan_group = @plan_group, vat = @vat
WHERE id = @id;

-- name: PlanRemove :execrows
DELETE FROM plans WHERE id = @id;

-- name: PlanSubscribers :one
SELECT coalesce(sum(CASE type WHEN 'subscribed' THEN n WHEN 'plan_given' THEN n WHEN 'ended' THEN -n END), 0)::bigint
FROM panel_counts WHERE plan_id = @plan_id;
