-- name: PaymentsAdd :exec
-- A new payment is pending, so its columns about the outcome are empty.
INSERT INTO payments (
    user_id, id, subscription_id, payment_method_id, payment_system, initiator, amount, currency,
    period_start, period_end, consent_mac, status, decline_code, provider_ref, action_url, contradiction, created_at,
    sweep_at, send_until)
SELECT
    unnest(@user_ids::uuid[]), unnest(@ids::uuid[]), unnest(@subscription_ids::uuid[]),
    unnest(@payment_method_ids::uuid[]), unnest(@payment_systems::text[]), unnest(@initiators::text[]),
    unnest(@amounts::bigint[]), unnest(@currencies::text[]), unnest(@period_starts::timestamptz[]),
    unnest(@period_ends::timestamptz[]), unnest(@consent_macs::bytea[]), 'pending', '', '', '', '',
    unnest(@created::timestamptz[]),
    statement_timestamp() + @send::interval, statement_timestamp() + @send::interval;

-- name: PaymentsReleaseSweep :exec
UPDATE payments p SET sweep_at = statement_timestamp()
FROM (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id) AS k
WHERE p.user_id = k.user_id AND p.id = k.id AND p.sweep_at IS NOT NULL;

-- name: PaymentsLookUpNow :execrows
UPDATE payments p
SET sweep_at = least(p.sweep_at, CASE p.status WHEN 'pending' THEN statement_timestamp() END),
    recheck_at = CASE p.status WHEN 'abandoned' THEN statement_timestamp() ELSE p.recheck_at END
FROM (SELECT i.user_id, i.id FROM payments i WHERE i.id = @id::uuid
      UNION
      SELECT r.user_id, r.id FROM payments r WHERE r.provider_ref = @provider_ref AND r.provider_ref <> '') AS k
WHERE p.user_id = k.user_id AND p.id = k.id AND p.payment_system = @system AND p.status IN ('pending', 'abandoned');

-- name: PaymentsReleaseUnsent :exec
UPDATE payments p SET send_until = statement_timestamp(),
    sweep_at = CASE WHEN @swept::bool THEN p.sweep_at ELSE statement_timestamp() END,
    first_sent_at = CASE WHEN NOT @never_sent::bool THEN p.first_sent_at END
FROM (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id) AS k
WHERE p.user_id = k.user_id AND p.id = k.id AND p.sweep_at IS NOT NULL;

-- name: PaymentsLeaseForResend :many
UPDATE payments p
SET sweep_at = statement_timestamp() + @send::interval, send_until = statement_timestamp() + @send::interval,
    first_sent_at = coalesce(p.first_sent_at, statement_timestamp())
FROM (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id,
    unnest(@send_untils::timestamptz[]) AS send_until) AS k
WHERE p.user_id = k.user_id AND p.id = k.id AND p.sweep_at IS NOT NULL
    AND p.send_until = k.send_until AND p.send_until <= statement_timestamp()
RETURNING p.user_id, p.id;

-- name: PaymentSendRemaining :one
SELECT coalesce(extract(epoch FROM max(send_until) - statement_timestamp()), 0)::float8 AS seconds
FROM payments
WHERE user_id = @user_id AND id = @id AND sweep_at IS NOT NULL AND send_until > statement_timestamp();

-- name: PaymentsMaxSendRemaining :one
SELECT coalesce(extract(epoch FROM max(send_until) - statement_timestamp()), 0)::float8 AS seconds
FROM payments
WHERE sweep_at IS NOT NULL AND initiator = 'merchant' AND send_until > statement_timestamp();

-- name: PaymentsSystemsToSweep :many
SELECT payment_system FROM payments WHERE sweep_at <= statement_timestamp()
UNION
SELECT r.payment_system FROM payments r WHERE r.recheck_at <= statement_timestamp();

-- name: PaymentsScheduleRecheck :exec
UPDATE payments p SET recheck_at = CASE WHEN @again::bool THEN statement_timestamp() + @after::interval END, rechecks = @checks::smallint
FROM (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id) AS k
WHERE p.user_id = k.user_id AND p.id = k.id AND p.status = 'abandoned' AND p.first_sent_at IS NOT NULL;

-- name: PaymentsLeaseForRecheck :many
WITH due AS (
    SELECT q.user_id, q.id FROM payments q
    WHERE q.recheck_at <= statement_timestamp() AND q.payment_system = @system
    ORDER BY q.recheck_at
    LIMIT @take::int
    FOR NO KEY UPDATE SKIP LOCKED)
UPDATE payments p SET recheck_at = statement_timestamp() + @lease::interval
FROM due
WHERE p.user_id = due.user_id AND p.id = due.id
RETURNING sqlc.embed(p), statement_timestamp()::timestamptz AS leased_at;

-- name: PaymentsLeaseForSweep :many
-- The interval is the rule billing.LookupInterval, here on the clock of this server. Viewers'
-- payments of the previous version have no first_sent_at, but they were sent.
WITH due AS (
    SELECT q.user_id, q.id FROM payments q
    WHERE q.sweep_at <= statement_timestamp() AND q.payment_system = @system
    ORDER BY q.sweep_at
    LIMIT @take::int
    FOR NO KEY UPDATE SKIP LOCKED)
UPDATE payments p
SET sweep_at = statement_timestamp() + least(greatest((statement_timestamp() - p.send_until) / 2, @shortest::interval), @longest::interval)
FROM due
WHERE p.user_id = due.user_id AND p.id = due.id
RETURNING sqlc.embed(p), coalesce(p.first_sent_at, CASE p.initiator WHEN 'customer' THEN p.created_at END)::timestamptz AS first_sent, statement_timestamp()::timestamptz AS leased_at;

-- name: PaymentsLock :many
SELECT p.*
FROM (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id) AS k
JOIN payments p ON p.user_id = k.user_id AND p.id = k.id
ORDER BY p.id
FOR NO KEY UPDATE OF p;

-- name: PaymentsSave :exec
-- UsersSeen explains the array in a SELECT of its own, SubscriptionsSave the
-- versions.
UPDATE payments p
SET status = n.status, decline_code = n.decline_code, provider_ref = n.provider_ref, action_url = n.action_url,
    contradiction = n.contradiction, settled_at = n.settled_at,
    sweep_at = CASE n.status WHEN 'pending' THEN p.sweep_at END,
    send_until = CASE n.status WHEN 'pending' THEN p.send_until END
FROM (SELECT
    unnest((SELECT @user_ids::uuid[])) AS user_id, unnest(@ids::uuid[]) AS id, unnest(@versions::xid[]) AS version,
    unnest(@statuses::text[]) AS status,
    unnest(@decline_codes::text[]) AS decline_code, unnest(@provider_refs::text[]) AS provider_ref,
    unnest(@action_urls::text[]) AS action_url, unnest(@contradictions::text[]) AS contradiction,
    unnest(@settled::timestamptz[]) AS settled_at) AS n
WHERE p.user_id = n.user_id AND p.id = n.id AND (n.version = '0'::xid OR p.xmin = n.version);

-- name: PaymentsSaveReview :exec
UPDATE payments p SET review_since = n.since, charged_late_at = n.charged_late, action_url = n.action_url,
    action_expires_at = n.action_expires
FROM (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id, unnest(@since::timestamptz[]) AS since,
    unnest(@charged_late::timestamptz[]) AS charged_late, unnest(@action_urls::text[]) AS action_url,
    unnest(@action_expiries::timestamptz[]) AS action_expires) AS n
WHERE p.user_id = n.user_id AND p.id = n.id;

-- name: PaymentsSavePeriod :exec
UPDATE payments p SET period_start = n.period_start, period_end = n.period_end
FROM (SELECT
    unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id,
    unnest(@period_starts::timestamptz[]) AS period_start, unnest(@period_ends::timestamptz[]) AS period_end) AS n
WHERE p.user_id = n.user_id AND p.id = n.id;
