-- name: ListSubscriptionsBound :one
SELECT user_id, id FROM subscriptions
WHERE (user_id, id) > (@after_user::uuid, @after_id::uuid)
ORDER BY user_id, id
OFFSET @skip::int LIMIT 1;

-- name: ListSubscriptions :many
-- The plan is looked up for each subscription, because a join could read the whole table.
SELECT sqlc.embed(s), (SELECT p.code FROM plans p WHERE p.id = s.plan_id)::text AS plan_code,
    (SELECT p.plan_group FROM plans p WHERE p.id = s.plan_id)::text AS plan_group,
    (SELECT p.ending_at IS NOT NULL FROM plans p WHERE p.id = s.plan_id)::bool AS plan_ending
FROM subscriptions s
WHERE (s.user_id, s.id) > (@after_user::uuid, @after_id::uuid) AND (s.user_id, s.id) <= (@last_user::uuid, @last_id::uuid)
  AND s.created_at >= @since::timestamptz AND s.created_at < @until::timestamptz
  AND (@plan::text = '' OR (SELECT p.code FROM plans p WHERE p.id = s.plan_id) = @plan)
  AND (@status::text = '' OR @status = CASE -- the subscription is cancelled and over: see Subscription.At in billing
      WHEN s.cancel_at_period_end AND NOT s.charging AND s.period_end <= @at::timestamptz THEN 'ended' ELSE s.status END)
ORDER BY s.user_id, s.id
LIMIT @take::int;

-- name: ListSubscriptionsHeld :many
-- A subscription with a next charge is not on hold: see holdOf in package postgres.
SELECT sqlc.embed(s), (SELECT p.code FROM plans p WHERE p.id = s.plan_id)::text AS plan_code,
    (SELECT p.plan_group FROM plans p WHERE p.id = s.plan_id)::text AS plan_group,
    (SELECT p.ending_at IS NOT NULL FROM plans p WHERE p.id = s.plan_id)::bool AS plan_ending
FROM subscriptions s
WHERE s.hold IS NOT NULL AND s.next_charge_at IS NULL AND s.grace_until IS NOT NULL
  AND (s.grace_until, s.user_id, s.id) > (@after_grace::timestamptz, @after_user::uuid, @after_id::uuid)
  AND (@hold::text = '' OR s.hold = @hold)
  AND (@plan::text = '' OR (SELECT p.code FROM plans p WHERE p.id = s.plan_id) = @plan)
ORDER BY s.grace_until, s.user_id, s.id
LIMIT @take::int;

-- name: ListEventsAfter :many
SELECT * FROM events
WHERE at >= @since::timestamptz AND at < @until::timestamptz AND (at, id) > (@since, @after_id::uuid)
ORDER BY at, id
LIMIT @take::int;
