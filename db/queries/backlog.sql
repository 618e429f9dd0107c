-- name: BacklogPending :one
-- The time is that of payments that should settle by themselves: it leaves out those whose
-- page waits for the viewer, perhaps for a day, and those that wait for a person. It is
-- NULL if there is none.
SELECT count(*) AS pending, count(review_since) AS in_review,
    (min(created_at) FILTER (WHERE action_url = '' AND review_since IS NULL))::timestamptz AS oldest
FROM payments WHERE sweep_at IS NOT NULL;

-- name: BacklogRefunds :one
SELECT count(*) AS pending, count(review_since) AS in_review, (min(created_at) FILTER (WHERE review_since IS NULL))::timestamptz AS oldest
FROM refunds WHERE sweep_at IS NOT NULL AND status = 'pending';

-- name: BacklogDue :one
-- The count stops at a limit, because after an outage millions of subscriptions
-- can be due. It leaves out those whose reminder announces a later charge, because the notice
-- was late. The time is NULL if no subscription is due.
SELECT count(*) AS due, min(d.next_charge_at)::timestamptz AS oldest
FROM (SELECT s.next_charge_at FROM subscriptions s
      WHERE s.next_charge_at <= @now::timestamptz AND NOT s.charging
        AND coalesce((SELECT min(r.charge_at) FROM reminders r
            WHERE r.user_id = s.user_id AND r.subscription_id = s.id AND r.due_at = s.period_end) <= @now, true)
      ORDER BY s.next_charge_at
      LIMIT @most::int) AS d;

-- name: BacklogHeld :many
-- The count of each reason stops at a limit, because a fault can put all viewers on
-- hold. The first part steps from reason to reason in the index. DISTINCT would read
-- every entry.
WITH RECURSIVE reasons AS (
    SELECT min(hold) AS hold FROM subscriptions WHERE status = 'past_due'
    UNION ALL
    SELECT (SELECT min(s.hold) FROM subscriptions s WHERE s.status = 'past_due' AND s.hold > r.hold)
    FROM reasons r WHERE r.hold IS NOT NULL)
SELECT r.hold::text AS hold, (SELECT count(*) FROM (
    SELECT FROM subscriptions s WHERE s.status = 'past_due' AND s.hold = r.hold AND s.next_charge_at IS NULL
    LIMIT @most::int) AS held) AS n
FROM reasons r WHERE r.hold IS NOT NULL;

-- name: BacklogLastRun :one
SELECT * FROM renewal_runs WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1;
