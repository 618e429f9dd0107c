-- name: BacklogPending :one
-- The time is NULL if no payment is pending.
SELECT count(*) AS pending, min(created_at)::timestamptz AS oldest FROM payments WHERE sweep_at IS NOT NULL;

-- name: BacklogDue :one
-- The count stops at a limit, because after an outage millions of subscriptions
-- can be due. The time is NULL if no subscription is due.
SELECT count(*) AS due, min(d.next_charge_at)::timestamptz AS oldest
FROM (SELECT next_charge_at FROM subscriptions
      WHERE next_charge_at <= @now::timestamptz AND NOT charging
      ORDER BY next_charge_at
      LIMIT @most::int) AS d;

-- name: BacklogLastRun :one
SELECT * FROM renewal_runs WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1;
