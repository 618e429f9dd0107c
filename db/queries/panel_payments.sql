-- name: PanelPaymentsBound :one
-- The id that is @skip ids below another one. Reads only the primary key.
SELECT id FROM payments
WHERE id >= @first_id::uuid AND id < @before_id::uuid
ORDER BY id DESC
OFFSET @skip::int LIMIT 1;

-- name: PanelPaymentsBoundAbove :one
SELECT id FROM payments
WHERE id > @after_id::uuid AND id <= @last_id::uuid
ORDER BY id
OFFSET @skip::int LIMIT 1;

-- name: PanelPayments :many
-- The plan is looked up for each payment that the other filters leave, because a join could
-- read all subscriptions.
SELECT sqlc.embed(p), (SELECT pl.code FROM subscriptions s JOIN plans pl ON pl.id = s.plan_id
    WHERE s.user_id = p.user_id AND s.id = p.subscription_id)::text AS plan_code
FROM payments p
WHERE p.id >= @first_id::uuid AND p.id < @before_id::uuid
  AND p.created_at >= @since::timestamptz AND p.created_at < @until::timestamptz
  AND (@system::text = '' OR p.payment_system = @system)
  AND (@status::text = '' OR p.status = @status)
  AND (@decline_code::text = '' OR p.decline_code = @decline_code)
  AND (@plan::text = '' OR (SELECT pl.code FROM subscriptions s JOIN plans pl ON pl.id = s.plan_id
      WHERE s.user_id = p.user_id AND s.id = p.subscription_id) = @plan)
ORDER BY p.id DESC
LIMIT @take::int;

-- name: PanelPaymentsAbove :many
SELECT sqlc.embed(p), (SELECT pl.code FROM subscriptions s JOIN plans pl ON pl.id = s.plan_id
    WHERE s.user_id = p.user_id AND s.id = p.subscription_id)::text AS plan_code
FROM payments p
WHERE p.id > @after_id::uuid AND p.id <= @last_id::uuid
  AND p.created_at >= @since::timestamptz AND p.created_at < @until::timestamptz
  AND (@system::text = '' OR p.payment_system = @system)
  AND (@status::text = '' OR p.status = @status)
  AND (@decline_code::text = '' OR p.decline_code = @decline_code)
  AND (@plan::text = '' OR (SELECT pl.code FROM subscriptions s JOIN plans pl ON pl.id = s.plan_id
      WHERE s.user_id = p.user_id AND s.id = p.subscription_id) = @plan)
ORDER BY p.id
LIMIT @take::int;

-- name: PanelPaymentsPending :many
-- The pending payments alone: they have an index, and are few.
SELECT sqlc.embed(p), (SELECT pl.code FROM subscriptions s JOIN plans pl ON pl.id = s.plan_id
    WHERE s.user_id = p.user_id AND s.id = p.subscription_id)::text AS plan_code
FROM payments p
WHERE p.sweep_at IS NOT NULL AND p.id >= @first_id::uuid AND p.id < @before_id::uuid
  AND p.created_at >= @since::timestamptz AND p.created_at < @until::timestamptz
  AND (@system::text = '' OR p.payment_system = @system)
  AND (@decline_code::text = '' OR p.decline_code = @decline_code)
  AND (@plan::text = '' OR (SELECT pl.code FROM subscriptions s JOIN plans pl ON pl.id = s.plan_id
      WHERE s.user_id = p.user_id AND s.id = p.subscription_id) = @plan)
ORDER BY p.id DESC
LIMIT @take::int;

-- name: PanelPaymentTotals :many
SELECT p.currency, p.status, count(*) AS n, sum(p.amount)::bigint AS amount, sum(p.refunded)::bigint AS refunded
FROM payments p
WHERE p.id >= @first_id::uuid AND p.id < @before_id::uuid
  AND p.created_at >= @since::timestamptz AND p.created_at < @until::timestamptz
  AND (@system::text = '' OR p.payment_system = @system)
  AND (@status::text = '' OR p.status = @status)
  AND (@decline_code::text = '' OR p.decline_code = @decline_code)
  AND (@plan::text = '' OR (SELECT pl.code FROM subscriptions s JOIN plans pl ON pl.id = s.plan_id
      WHERE s.user_id = p.user_id AND s.id = p.subscription_id) = @plan)
GROUP BY p.currency, p.status
ORDER BY p.currency, p.status;
