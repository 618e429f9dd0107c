-- name: EventsAppend :exec
-- UsersSeen explains the array in a SELECT of its own. The second part counts
-- the events for the figures of the panel. It finds the plan by the code that the
-- event has from its own time. Reading each subscription for its plan would take
-- a tenth of the time of renewals.
WITH added AS (
INSERT INTO events (user_id, id, type, at, subscription_id, card_id, payment_method_id, plan_code, payment_id, amount, currency,
                    decline_code, access_until, retry_at)
SELECT n.user_id, n.id, n.type, n.at, n.subscription_id, n.card_id, n.payment_method_id, n.plan_code, n.payment_id,
       CASE WHEN n.currency <> '' THEN n.amount END, NULLIF(n.currency, ''), n.decline_code, n.access_until, n.retry_at
FROM (SELECT
    unnest((SELECT @user_ids::uuid[])) AS user_id, unnest(@ids::uuid[]) AS id, unnest(@types::text[]) AS type,
    unnest(@ats::timestamptz[]) AS at, unnest(@subscription_ids::uuid[]) AS subscription_id,
    unnest(@card_ids::uuid[]) AS card_id, unnest(@payment_method_ids::uuid[]) AS payment_method_id,
    unnest(@plan_codes::text[]) AS plan_code, unnest(@payment_ids::uuid[]) AS payment_id,
    unnest(@amounts::bigint[]) AS amount, unnest(@currencies::text[]) AS currency,
    unnest(@decline_codes::text[]) AS decline_code, unnest(@access_untils::timestamptz[]) AS access_until,
    unnest(@retry_ats::timestamptz[]) AS retry_at) AS n
RETURNING user_id, subscription_id, type, at, plan_code, amount, currency, decline_code)
INSERT INTO panel_deltas (hour, plan_id, type, decline_code, currency, n, amount)
SELECT date_trunc('hour', e.at, 'UTC'), coalesce(p.id, (
           SELECT s.plan_id FROM subscriptions s WHERE s.user_id = e.user_id AND s.id = e.subscription_id)),
       e.type, e.decline_code, coalesce(e.currency, ''), count(*), coalesce(sum(e.amount), 0)
FROM added e LEFT JOIN plans p ON p.code = e.plan_code
WHERE e.subscription_id IS NOT NULL -- not events of cards and payment methods
GROUP BY 1, 2, 3, 4, 5;

-- name: EventsAppendAgreed :exec
-- An agreement moves no money and is not counted for the figures of the panel. It has a
-- statement of its own, so that renewals do not write its columns.
INSERT INTO events (user_id, id, type, at, subscription_id, plan_code, decline_code, access_until,
                    price_amount, price_currency, interval_months, due_now, first_charge_at, terms_version)
SELECT n.user_id, n.id, 'agreed', n.at, n.subscription_id, n.plan_code, '', n.access_until,
       n.price_amount, n.price_currency, n.interval_months, n.due_now, n.first_charge_at, NULLIF(n.terms_version, '')
FROM (SELECT
    unnest((SELECT @user_ids::uuid[])) AS user_id, unnest(@ids::uuid[]) AS id, unnest(@ats::timestamptz[]) AS at,
    unnest(@subscription_ids::uuid[]) AS subscription_id, unnest(@plan_codes::text[]) AS plan_code,
    unnest(@access_untils::timestamptz[]) AS access_until,
    unnest(@price_amounts::bigint[]) AS price_amount, unnest(@price_currencies::text[]) AS price_currency,
    unnest(@interval_months::int[]) AS interval_months, unnest(@dues_now::bigint[]) AS due_now,
    unnest(@first_charges::timestamptz[]) AS first_charge_at, unnest(@terms_versions::text[]) AS terms_version) AS n;

-- name: EventTimes :many
SELECT at FROM events
WHERE user_id = @user_id AND type = @type AND at >= @since::timestamptz
ORDER BY at DESC
LIMIT @take::int;
