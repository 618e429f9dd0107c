-- name: PanelViewUsers :many
SELECT u.*, (SELECT count(*) FROM subscriptions s
             WHERE s.user_id = u.id AND s.ended_at IS NULL AND s.status <> 'incomplete') AS live
FROM users u
WHERE (u.first_seen_at, u.id) < (@before_at::timestamptz, @before_id::uuid)
  AND u.first_seen_at >= @since::timestamptz AND u.first_seen_at < @until::timestamptz
ORDER BY u.first_seen_at DESC, u.id DESC
LIMIT @take::int;

-- name: PanelViewCountUsers :one
SELECT count(*) FROM (
    SELECT FROM users u
    WHERE u.first_seen_at >= @since::timestamptz AND u.first_seen_at < @until::timestamptz
    ORDER BY u.first_seen_at
    LIMIT @most::int) AS counted;

-- name: PanelViewUser :one
SELECT * FROM users WHERE id = @id;

-- name: PanelViewPlan :one
SELECT sqlc.embed(p), (SELECT coalesce(sum(CASE c.type WHEN 'subscribed' THEN c.n WHEN 'plan_given' THEN c.n WHEN 'ended' THEN -c.n END), 0)
             FROM panel_counts c WHERE c.plan_id = p.id)::bigint AS live
FROM plans p WHERE p.id = @id;

-- name: PanelViewPaymentSystem :one
SELECT * FROM payment_systems WHERE code = @code;

-- name: PanelViewEvents :many
SELECT * FROM events
WHERE at >= @since::timestamptz AND at < @until::timestamptz
  AND (@type::text = '' OR type = @type) AND (@plan_code::text = '' OR plan_code = @plan_code)
  AND (at, id) < (@before_at::timestamptz, @before_id::uuid)
ORDER BY at DESC, id DESC
LIMIT @take::int;

-- name: PanelViewOldest :one
SELECT min(hour)::timestamptz FROM panel_hours;

-- name: PanelViewFigures :many
SELECT hour, plan_id, type, decline_code, currency, sum(n)::bigint AS n, sum(amount)::bigint AS amount
FROM panel_hours
WHERE hour >= @since::timestamptz AND hour < @until::timestamptz
GROUP BY 1, 2, 3, 4, 5
ORDER BY 1;

-- name: PanelViewTotals :many
SELECT plan_id, coalesce(sum(CASE type WHEN 'ended' THEN -n ELSE n END), 0)::bigint AS live
FROM panel_counts
WHERE type IN ('subscribed', 'plan_given', 'ended')
GROUP BY 1;

-- name: PanelViewPastDue :many
-- A subscription with a next charge is not on hold: see holdOf in package postgres.
SELECT coalesce(hold, '')::text AS hold, count(*) AS n, count(*) FILTER (WHERE next_charge_at IS NULL) AS held
FROM subscriptions WHERE status = 'past_due'
GROUP BY subscriptions.hold;

-- name: PanelViewDue :many
-- A canceled subscription is not charged. The second half subtracts those, because
-- it has an index for them.
SELECT date_bin('1 hour', next_charge_at, '2000-01-01Z')::timestamptz AS hour, count(*) AS n
FROM subscriptions
WHERE next_charge_at IS NOT NULL AND next_charge_at < (@until::timestamptz)
GROUP BY 1
UNION ALL
SELECT date_bin('1 hour', next_charge_at, '2000-01-01Z')::timestamptz, -count(*)
FROM subscriptions
WHERE cancel_at_period_end AND next_charge_at IS NOT NULL AND next_charge_at < @until
GROUP BY 1;

-- name: PanelViewUnsettled :one
SELECT count(*) AS n, min(created_at)::timestamptz AS oldest
FROM payments WHERE sweep_at IS NOT NULL;

-- name: PanelViewRuns :many
SELECT * FROM renewal_runs ORDER BY id DESC LIMIT @take::int;

-- name: PanelViewCards :many
SELECT c.id, c.brand, c.last4, c.exp_month, c.exp_year, c.created_at, c.removed_at,
       ARRAY(SELECT m.id FROM payment_methods m WHERE m.user_id = c.user_id AND m.card_id = c.id)::text[] AS methods
FROM cards c
WHERE c.user_id = @user_id
ORDER BY c.id DESC
LIMIT @take::int;

-- name: PanelViewAudit :many
SELECT * FROM panel_audit
WHERE id < @before_id::uuid AND id >= @last_id::uuid AND at >= @since::timestamptz AND at < @until::timestamptz
  AND (@operator::text = '' OR operator = @operator) AND (@object::text = '' OR object = @object)
ORDER BY id DESC
LIMIT @take::int;

-- name: PanelViewAuditBound :one
SELECT id FROM panel_audit WHERE id < @before_id::uuid ORDER BY id DESC OFFSET @skip::int LIMIT 1;
