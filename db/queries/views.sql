-- name: Plans :many
SELECT * FROM plans ORDER BY code COLLATE "C";

-- name: PaymentSystems :many
SELECT * FROM payment_systems ORDER BY code COLLATE "C";

-- name: ViewSubscription :one
-- A subscription that was given has no payment.
SELECT sqlc.embed(s), p.code AS plan_code, p.plan_group, (p.ending_at IS NOT NULL)::bool AS plan_ending, p.features, pay.*
FROM subscriptions s
JOIN plans p ON p.id = s.plan_id
LEFT JOIN payments pay ON pay.user_id = s.user_id AND pay.id = s.latest_payment_id
WHERE s.user_id = @user_id AND (s.id::text = @ref::text OR p.code = @ref::text OR p.id::text = @ref::text)
ORDER BY s.ended_at IS NULL DESC, s.id DESC
LIMIT 1;

-- name: ViewSubscriptions :many
SELECT sqlc.embed(s), p.code AS plan_code, p.plan_group, (p.ending_at IS NOT NULL)::bool AS plan_ending, p.features, pay.*
FROM subscriptions s
JOIN plans p ON p.id = s.plan_id
LEFT JOIN payments pay ON pay.user_id = s.user_id AND pay.id = s.latest_payment_id
WHERE s.user_id = @user_id AND (NOT @live_only::bool OR s.ended_at IS NULL) AND s.id < @before::uuid
  AND (@plan::text = '' OR p.code = @plan::text OR p.id::text = @plan::text)
  AND (@status::text = '' OR @status::text = CASE -- the subscription is cancelled and over: see Subscription.At in billing
      WHEN s.cancel_at_period_end AND NOT s.charging AND s.period_end <= @at::timestamptz THEN 'ended' ELSE s.status END)
ORDER BY s.id DESC
LIMIT @take::int;

-- name: ViewLiveSubscriptionsOf :many
SELECT sqlc.embed(s), p.code AS plan_code, p.plan_group, (p.ending_at IS NOT NULL)::bool AS plan_ending, p.features, u.subject
FROM subscriptions s
JOIN users u ON u.id = s.user_id
JOIN plans p ON p.id = s.plan_id
WHERE s.user_id = ANY(@user_ids::uuid[]) AND s.ended_at IS NULL;

-- name: ViewSubject :one
SELECT subject FROM users WHERE id = @id;

-- name: ViewEvents :many
-- An event may be recorded after later ones, so its id does not order it. The query
-- reads all events of the user by the primary key and sorts them: they are few. If
-- the user has no event with the id before, nothing follows it.
SELECT e.* FROM events e
WHERE e.user_id = @user_id
  AND (@before::uuid = 'ffffffff-ffff-ffff-ffff-ffffffffffff' OR (e.at, e.id) < (
       (SELECT b.at FROM events b WHERE b.user_id = @user_id AND b.id = @before::uuid), @before::uuid))
ORDER BY e.at DESC, e.id DESC
LIMIT @take::int;

-- name: ViewPayments :many
-- Each half reads one index of the payments of a user: see the keys of payments.
SELECT a.* FROM payments a
WHERE a.user_id = @user_id AND a.id < @before::uuid AND a.status IN ('pending', 'succeeded')
  AND (@status::text = '' OR a.status = @status::text)
  AND (@plan::text = '' OR a.subscription_id IN (
      SELECT s.id FROM subscriptions s JOIN plans p ON p.id = s.plan_id
      WHERE s.user_id = @user_id AND (p.code = @plan::text OR p.id::text = @plan::text)))
UNION ALL
SELECT b.* FROM payments b
WHERE b.user_id = @user_id AND b.id < @before::uuid AND b.status IN ('declined', 'abandoned')
  AND (@status::text = '' OR b.status = @status::text)
  AND (@plan::text = '' OR b.subscription_id IN (
      SELECT s.id FROM subscriptions s JOIN plans p ON p.id = s.plan_id
      WHERE s.user_id = @user_id AND (p.code = @plan::text OR p.id::text = @plan::text)))
ORDER BY id DESC
LIMIT @take::int;

-- name: ViewPayment :one
SELECT * FROM payments WHERE user_id = @user_id AND id = @id;

-- name: ViewCards :many
SELECT * FROM cards
WHERE user_id = @user_id AND removed_at IS NULL AND id < @before::uuid
ORDER BY id DESC
LIMIT @take::int;

-- name: ViewCard :one
SELECT * FROM cards WHERE user_id = @user_id AND id = @id AND removed_at IS NULL;

-- name: ViewMethods :many
SELECT sqlc.embed(m), coalesce(c.brand, s.brand, '') AS brand, coalesce(c.last4, s.last4, '') AS last4, EXISTS (
    SELECT FROM payments p WHERE p.user_id = m.user_id AND p.payment_method_id = m.id AND p.sweep_at IS NOT NULL) AS charging,
    (s.sweep_at IS NOT NULL)::bool AS saving, coalesce(s.action_url, '') AS action_url, s.page_until
FROM payment_methods m
LEFT JOIN cards c ON c.user_id = m.user_id AND c.id = m.card_id
LEFT JOIN saved_methods s ON s.user_id = m.user_id AND s.method_id = m.id
WHERE m.user_id = @user_id AND m.removed_at IS NULL AND m.id < @before::uuid
ORDER BY m.id DESC
LIMIT @take::int;

-- name: ViewSavedMethod :one
SELECT sqlc.embed(m), s.brand, s.last4, false::bool AS charging, (s.sweep_at IS NOT NULL)::bool AS saving, s.action_url, s.page_until
FROM payment_methods m JOIN saved_methods s ON s.user_id = m.user_id AND s.method_id = m.id
WHERE m.user_id = @user_id AND m.id = @id;

-- name: ViewDue :many
-- The columns are those of SubscriptionsLockDue, so that both share a Go mapping.
SELECT sqlc.embed(s), p.code AS plan_code, p.plan_group, (p.ending_at IS NOT NULL)::bool AS plan_ending, '0'::xid AS version,
    m.token, m.token_ct, m.token_key_id, m.card_id, m.created_at AS linked_at, m.removed_at
FROM subscriptions s
JOIN payment_methods m ON m.user_id = s.user_id AND m.id = s.payment_method_id
JOIN plans p ON p.id = s.plan_id
WHERE (s.next_charge_at, s.user_id, s.id) > (@from_at::timestamptz, @after_user::uuid, @after_id::uuid)
  AND s.next_charge_at <= @now::timestamptz
  AND NOT s.charging AND (s.payment_system = ANY(@systems::text[]) OR @any_system::bool)
  AND CASE WHEN @notice_by::timestamptz IS NULL OR s.status <> 'active' OR s.cancel_at_period_end OR p.ending_at IS NOT NULL THEN true ELSE
      (SELECT min(r.made_at) FROM reminders r
       WHERE r.user_id = s.user_id AND r.subscription_id = s.id AND r.due_at = s.period_end) <= @notice_by END
ORDER BY s.next_charge_at, s.user_id, s.id
LIMIT @take::int;

-- name: ViewCountDue :one
SELECT count(*) FROM subscriptions s JOIN plans p ON p.id = s.plan_id
WHERE s.next_charge_at BETWEEN @from_at::timestamptz AND @now::timestamptz
  AND NOT s.charging AND (s.payment_system = ANY(@systems::text[]) OR @any_system::bool)
  AND CASE WHEN @notice_by::timestamptz IS NULL OR s.status <> 'active' OR s.cancel_at_period_end OR p.ending_at IS NOT NULL THEN true ELSE
      (SELECT min(r.made_at) FROM reminders r
       WHERE r.user_id = s.user_id AND r.subscription_id = s.id AND r.due_at = s.period_end) <= @notice_by END;

-- name: ViewWaiting :many
-- The due renewals that ViewDue leaves out, because their notice is missing or too young.
SELECT sqlc.embed(s), p.code AS plan_code, p.plan_group, (p.ending_at IS NOT NULL)::bool AS plan_ending
FROM subscriptions s JOIN plans p ON p.id = s.plan_id
WHERE (s.next_charge_at, s.user_id, s.id) > (@from_at::timestamptz, @after_user::uuid, @after_id::uuid)
  AND s.next_charge_at <= @now::timestamptz
  AND s.status = 'active' AND NOT s.cancel_at_period_end AND p.ending_at IS NULL AND NOT s.charging AND s.payment_system = ANY(@systems::text[])
  AND coalesce((SELECT min(r.made_at) FROM reminders r
      WHERE r.user_id = s.user_id AND r.subscription_id = s.id AND r.due_at = s.period_end) > @notice_by::timestamptz, true)
ORDER BY s.next_charge_at, s.user_id, s.id
LIMIT @take::int;

-- name: ViewGivenOver :many
SELECT sqlc.embed(s), p.code AS plan_code, p.plan_group, (p.ending_at IS NOT NULL)::bool AS plan_ending
FROM subscriptions s JOIN plans p ON p.id = s.plan_id
WHERE s.payment_method_id IS NULL AND s.ended_at IS NULL AND s.period_end <= @now::timestamptz
  AND (s.user_id, s.id) > (@after_user::uuid, @after_id::uuid)
ORDER BY s.user_id, s.id
LIMIT @take::int;

-- name: ViewOver :many
SELECT sqlc.embed(s), p.code AS plan_code, p.plan_group, (p.ending_at IS NOT NULL)::bool AS plan_ending
FROM subscriptions s JOIN plans p ON p.id = s.plan_id
WHERE s.hold IS NOT NULL AND s.next_charge_at IS NULL AND s.grace_until <= @now::timestamptz AND NOT s.charging
  AND (s.grace_until, s.user_id, s.id) > (@after_at::timestamptz, @after_user::uuid, @after_id::uuid)
ORDER BY s.grace_until, s.user_id, s.id
LIMIT @take::int;
