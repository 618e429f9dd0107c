-- name: RemindersAdd :one
-- It applies billing.Subscription.Remind to a batch. One part of due is executed: that of the
-- reason. Neither a count nor a lock can become a join that reads a whole table. A subscription that another transaction has locked is left to a later run, so two
-- runs share the work. The condition on due_at refuses a second reminder even if the
-- snapshot is older than the first. The events are counted as in EventsAppend.
WITH due AS (
    (SELECT s.user_id, s.id, s.next_charge_at, s.period_end FROM subscriptions s
     WHERE @reason::text = 'law' AND s.next_charge_at BETWEEN @from_at::timestamptz AND @until_at::timestamptz
       AND s.status = 'active' AND NOT s.cancel_at_period_end AND NOT s.charging
       AND (SELECT count(*) FROM reminders r WHERE r.user_id = s.user_id AND r.subscription_id = s.id AND r.due_at = s.period_end) = 0
     ORDER BY s.next_charge_at LIMIT @take::int)
    UNION ALL
    (SELECT s.user_id, s.id, s.next_charge_at, s.period_end FROM subscriptions s
     WHERE @reason = 'long_period' AND s.interval_months >= 6 AND s.next_charge_at BETWEEN @from_at AND @until_at
       AND s.status = 'active' AND NOT s.cancel_at_period_end AND NOT s.charging
       AND (SELECT count(*) FROM reminders r WHERE r.user_id = s.user_id AND r.subscription_id = s.id AND r.reason = 'long_period' AND r.due_at = s.period_end) = 0
     ORDER BY s.next_charge_at LIMIT @take)
    UNION ALL
    (SELECT s.user_id, s.id, s.next_charge_at, s.period_end FROM grants g
     JOIN subscriptions s ON s.user_id = g.user_id AND s.id = g.subscription_id AND s.next_charge_at = g.period_end
     WHERE @reason = 'trial' AND g.period_end BETWEEN @from_at AND @until_at
       AND s.status = 'active' AND NOT s.cancel_at_period_end AND NOT s.charging
       AND (SELECT count(*) FROM reminders r WHERE r.user_id = s.user_id AND r.subscription_id = s.id AND r.reason = 'trial' AND r.due_at = s.period_end) = 0
     ORDER BY g.period_end LIMIT @take)),
found AS (
    SELECT s.*, p.code AS plan_code
    FROM due d, LATERAL (
        SELECT s.user_id, s.id, s.plan_id, s.price_amount, s.price_currency, s.period_end, s.next_charge_at FROM subscriptions s
        WHERE s.user_id = d.user_id AND s.id = d.id AND s.period_end = d.period_end
          AND s.status = 'active' AND NOT s.cancel_at_period_end AND NOT s.charging
        FOR NO KEY UPDATE SKIP LOCKED) s
    JOIN plans p ON p.id = s.plan_id AND p.ending_at IS NULL),
made AS (
    INSERT INTO reminders AS r (user_id, subscription_id, reason, due_at, made_at, charge_at)
    SELECT user_id, id, @reason, period_end, @now::timestamptz, greatest(period_end, @charge_from::timestamptz) FROM found
    ON CONFLICT (user_id, subscription_id, reason) DO UPDATE
        SET due_at = excluded.due_at, made_at = excluded.made_at, charge_at = excluded.charge_at
        WHERE r.due_at < excluded.due_at
    RETURNING r.user_id, r.subscription_id, r.charge_at),
numbered AS (
    SELECT f.*, m.charge_at, row_number() OVER () AS n
    FROM made m JOIN found f ON f.user_id = m.user_id AND f.id = m.subscription_id),
added AS (
    INSERT INTO events (user_id, id, type, at, subscription_id, plan_code, amount, currency, decline_code, access_until, reason, charge_at)
    SELECT user_id, (@ids::uuid[])[n], 'renewal_reminder', @now, id, plan_code, price_amount, price_currency, '', period_end, @reason, charge_at
    FROM numbered),
counted AS (
    INSERT INTO panel_deltas (hour, plan_id, type, decline_code, currency, n, amount)
    SELECT date_trunc('hour', @now, 'UTC'), plan_id, 'renewal_reminder', '', price_currency, count(*), sum(price_amount)
    FROM numbered GROUP BY plan_id, price_currency)
SELECT (SELECT count(*) FROM due) AS due, (SELECT count(*) FROM made) AS made, (SELECT max(next_charge_at) FROM due)::timestamptz AS last;

-- name: RemindersNext :one
-- The first renewal that RemindersAdd finds for the reason, if it looks in time. Only the
-- test clock asks for it.
SELECT s.next_charge_at::timestamptz FROM subscriptions s
JOIN plans p ON p.id = s.plan_id AND p.ending_at IS NULL
WHERE s.next_charge_at BETWEEN @from_at::timestamptz AND @until_at::timestamptz
  AND s.status = 'active' AND NOT s.cancel_at_period_end AND NOT s.charging
  AND (@reason::text = 'law' OR @reason = 'long_period' AND s.interval_months >= 6 OR @reason = 'trial' AND EXISTS (
      SELECT FROM grants g WHERE g.user_id = s.user_id AND g.subscription_id = s.id AND g.period_end = s.next_charge_at))
  AND NOT EXISTS (SELECT FROM reminders r WHERE r.user_id = s.user_id AND r.subscription_id = s.id
      AND r.due_at = s.period_end AND (r.reason = @reason OR @reason = 'law'))
ORDER BY s.next_charge_at LIMIT 1;

-- name: RemindersNextCharge :one
-- The first charge that waits for the age of its reminder.
SELECT r.charge_at FROM subscriptions s
JOIN reminders r ON r.user_id = s.user_id AND r.subscription_id = s.id AND r.due_at = s.period_end
WHERE r.charge_at BETWEEN @from_at::timestamptz AND @until_at::timestamptz AND r.charge_at > s.next_charge_at
  AND s.status = 'active' AND NOT s.cancel_at_period_end AND NOT s.charging
ORDER BY r.charge_at LIMIT 1;
