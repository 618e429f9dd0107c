-- name: PlansForShare :many
-- For the arrays in SELECTs of their own see UsersSeen.
SELECT sqlc.embed(p), pg_current_xact_id()::xid AS version
FROM plans p
WHERE p.code = ANY((SELECT @codes::text[])::text[]) OR p.id = ANY((SELECT @ids::uuid[])::uuid[])
FOR SHARE;

-- name: PlanForUpdate :one
SELECT * FROM plans
WHERE code = @ref::text OR id::text = @ref::text
FOR NO KEY UPDATE;

-- name: PlanAdd :exec
INSERT INTO plans (id, code, name, price_amount, price_currency, interval_months, features,
                   created_at, updated_at, archived_at)
VALUES (@id, @code, @name, @price_amount, @price_currency, @interval_months, @features,
        @created_at, @updated_at, @archived_at);

-- name: PlanSave :execrows
UPDATE plans
SET code = @code, name = @name, price_amount = @price_amount, price_currency = @price_currency,
    interval_months = @interval_months, features = @features, updated_at = @updated_at, archived_at = @archived_at
WHERE id = @id;

-- name: Plans :many
SELECT * FROM plans ORDER BY code COLLATE "C";
