-- name: SubscriptionByRef :one
SELECT sqlc.embed(s), p.code AS plan_code, p.plan_group, (p.ending_at IS NOT NULL)::bool AS plan_ending
FROM subscriptions s JOIN plans p ON p.id = s.plan_id
WHERE s.user_id = @user_id AND (s.id::text = @ref::text OR p.code = @ref::text OR p.id::text = @ref::text)
ORDER BY s.ended_at IS NULL DESC, s.id DESC
LIMIT 1
FOR NO KEY UPDATE OF s;

-- name: SubscriptionsLock :many
SELECT sqlc.embed(s), p.code AS plan_code, p.plan_group, (p.ending_at IS NOT NULL)::bool AS plan_ending
FROM (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id) AS k
JOIN subscriptions s ON s.user_id = k.user_id AND s.id = k.id
JOIN plans p ON p.id = s.plan_id
ORDER BY s.id
FOR NO KEY UPDATE OF s;

-- name: SubscriptionsAdd :exec
INSERT INTO subscriptions (
    user_id, id, plan_id, payment_method_id, payment_system, price_amount, price_currency, interval_months, consent_mac, status,
    anchor_at, period_start, period_end, next_charge_at, charging, cancel_at_period_end, past_due_since, grace_until,
    latest_payment_id, created_at, started_at, ended_at, plan_group)
SELECT
    unnest(@user_ids::uuid[]), unnest(@ids::uuid[]), unnest(@plan_ids::uuid[]), unnest(@payment_method_ids::uuid[]), unnest(@payment_systems::text[]),
    unnest(@price_amounts::bigint[]), unnest(@price_currencies::text[]), unnest(@interval_months::int[]), unnest(@consent_macs::bytea[]), unnest(@statuses::text[]),
    unnest(@anchors::timestamptz[]), unnest(@period_starts::timestamptz[]), unnest(@period_ends::timestamptz[]),
    unnest(@next_charges::timestamptz[]), unnest(@charging::bool[]), unnest(@cancels::bool[]),
    unnest(@past_due_sinces::timestamptz[]), unnest(@grace_untils::timestamptz[]), unnest(@latest_payment_ids::uuid[]),
    unnest(@created::timestamptz[]), unnest(@started::timestamptz[]), unnest(@ended::timestamptz[]), unnest(@plan_groups::text[]);

-- name: SubscriptionsSave :exec
-- UsersSeen explains the array in a SELECT of its own.
-- A row is written only if its version is zero or equals xmin, the transaction
-- that last wrote the row. Locks do not change xmin. After waiting for a locked
-- row, Postgres checks the condition again on its newest version.
UPDATE subscriptions s
SET payment_method_id = n.payment_method_id, status = n.status, period_start = n.period_start,
    period_end = n.period_end, next_charge_at = n.next_charge_at, charging = n.charging,
    cancel_at_period_end = n.cancel_at_period_end, past_due_since = n.past_due_since, grace_until = n.grace_until,
    hold = nullif(n.hold, ''), latest_payment_id = n.latest_payment_id, started_at = n.started_at, ended_at = n.ended_at
FROM (SELECT
    unnest((SELECT @user_ids::uuid[])) AS user_id, unnest(@ids::uuid[]) AS id, unnest(@versions::xid[]) AS version,
    unnest(@payment_method_ids::uuid[]) AS payment_method_id, unnest(@statuses::text[]) AS status,
    unnest(@period_starts::timestamptz[]) AS period_start, unnest(@period_ends::timestamptz[]) AS period_end,
    unnest(@next_charges::timestamptz[]) AS next_charge_at, unnest(@charging::bool[]) AS charging,
    unnest(@cancels::bool[]) AS cancel_at_period_end,
    unnest(@past_due_sinces::timestamptz[]) AS past_due_since, unnest(@grace_untils::timestamptz[]) AS grace_until,
    unnest(@holds::text[]) AS hold, unnest(@latest_payment_ids::uuid[]) AS latest_payment_id,
    unnest(@started::timestamptz[]) AS started_at, unnest(@ended::timestamptz[]) AS ended_at) AS n
WHERE s.user_id = n.user_id AND s.id = n.id AND (n.version = '0'::xid OR s.xmin = n.version);

-- name: SubscriptionsLockDue :many
-- A subscription with a pending payment is skipped. Its next charge has moved on
-- already, but on a clock that is ahead it can be due again. from_at skips the dead
-- entries at the beginning of the index, which holds live subscriptions only. The
-- lock on a method prevents its removal before the intent with it is stored. The
-- version is the one of all rows that this transaction writes. If a notice is required, a
-- renewal has a reminder that is old enough; a cancelled subscription ends without one, and so
-- does one whose plan is being ended. CASE
-- keeps the lookup out of runs that need no notice.
SELECT sqlc.embed(s), p.code AS plan_code, p.plan_group, (p.ending_at IS NOT NULL)::bool AS plan_ending, pg_current_xact_id()::xid AS version,
    m.token, m.token_ct, m.token_key_id, m.card_id, m.created_at AS linked_at, m.removed_at
FROM subscriptions s
JOIN payment_methods m ON m.user_id = s.user_id AND m.id = s.payment_method_id
JOIN plans p ON p.id = s.plan_id
WHERE s.next_charge_at BETWEEN @from_at::timestamptz AND @now::timestamptz
  AND NOT s.charging AND s.payment_system = ANY(@systems::text[])
  AND CASE WHEN @notice_by::timestamptz IS NULL OR s.status <> 'active' OR s.cancel_at_period_end OR p.ending_at IS NOT NULL THEN true ELSE
      (SELECT min(r.made_at) FROM reminders r
       WHERE r.user_id = s.user_id AND r.subscription_id = s.id AND r.due_at = s.period_end) <= @notice_by END
ORDER BY s.next_charge_at
LIMIT @take::int
FOR NO KEY UPDATE OF s SKIP LOCKED
FOR SHARE OF m;

-- name: SubscriptionsSaveTerms :exec
UPDATE subscriptions s
SET payment_system = n.payment_system, consent_mac = n.consent_mac, anchor_at = n.anchor_at
FROM (SELECT
    unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id, unnest(@payment_systems::text[]) AS payment_system,
    unnest(@consent_macs::bytea[]) AS consent_mac, unnest(@anchors::timestamptz[]) AS anchor_at) AS n
WHERE s.user_id = n.user_id AND s.id = n.id;

-- name: SubscriptionsLockOver :many
SELECT sqlc.embed(s), p.code AS plan_code, p.plan_group, (p.ending_at IS NOT NULL)::bool AS plan_ending
FROM subscriptions s JOIN plans p ON p.id = s.plan_id
WHERE s.hold IS NOT NULL AND s.next_charge_at IS NULL AND s.grace_until <= @now::timestamptz AND NOT s.charging
ORDER BY s.grace_until
LIMIT @take::int
FOR NO KEY UPDATE OF s SKIP LOCKED;

-- name: SubscriptionsLockGivenOver :many
SELECT sqlc.embed(s), p.code AS plan_code, p.plan_group, (p.ending_at IS NOT NULL)::bool AS plan_ending
FROM subscriptions s JOIN plans p ON p.id = s.plan_id
WHERE s.payment_method_id IS NULL AND s.ended_at IS NULL AND s.period_end <= @now::timestamptz
ORDER BY s.user_id, s.id
LIMIT @take::int
FOR NO KEY UPDATE OF s SKIP LOCKED;

-- name: SubscriptionsCountGiven :exec
-- It counts new subscriptions that were given, for the figures of the panel. They have no
-- event subscribed, but they end like others.
INSERT INTO panel_deltas (hour, plan_id, type, decline_code, currency, n, amount)
SELECT date_trunc('hour', n.at, 'UTC'), n.plan_id, 'plan_given', '', '', 1, 0
FROM (SELECT unnest(@ats::timestamptz[]) AS at, unnest(@plan_ids::uuid[]) AS plan_id) AS n;
