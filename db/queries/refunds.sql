-- name: RefundAdd :execrows
-- It reserves the amount, and affects no row if less is left of the payment. The
-- constraint payments_refunded would refuse the amount too.
WITH reserved AS (
    UPDATE payments p SET refunded = p.refunded + @amount::bigint
    WHERE p.user_id = @user_id AND p.id = @payment_id AND p.currency = @currency AND p.refunded + @amount::bigint <= p.amount
    RETURNING p.user_id, p.id)
INSERT INTO refunds (
    user_id, id, payment_id, subscription_id, payment_system, amount, currency, end_now, requested_by, reason,
    status, decline_code, provider_ref, created_at, settled_at, sweep_at)
SELECT reserved.user_id, @id, reserved.id, @subscription_id, @payment_system, @amount::bigint, @currency, @end_now, @requested_by, @reason,
    @status::text, '', @provider_ref, @created_at, @settled_at, CASE @status::text WHEN 'pending' THEN statement_timestamp() END
FROM reserved;

-- name: RefundsLock :many
SELECT r.*
FROM (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id) AS k
JOIN refunds r ON r.user_id = k.user_id AND r.id = k.id
ORDER BY r.id
FOR NO KEY UPDATE OF r;

-- name: RefundSave :execrows
-- A refund that no longer reserves its amount gives it back to the payment.
WITH before AS (
    SELECT r.user_id, r.id, r.payment_id, r.amount, r.status FROM refunds r WHERE r.user_id = @user_id AND r.id = @id),
released AS (
    UPDATE payments p SET refunded = p.refunded - b.amount
    FROM before b
    WHERE p.user_id = b.user_id AND p.id = b.payment_id
        AND b.status IN ('pending', 'succeeded') AND @status::text IN ('declined', 'abandoned'))
UPDATE refunds r
SET status = @status::text, decline_code = @decline_code, provider_ref = @provider_ref, review_since = @review_since,
    settled_at = @settled_at, sweep_at = CASE @status::text WHEN 'pending' THEN r.sweep_at END
FROM before b WHERE r.user_id = b.user_id AND r.id = b.id;

-- name: RefundsOfPayment :many
SELECT * FROM refunds WHERE user_id = @user_id AND payment_id = @payment_id ORDER BY created_at, id;

-- name: ViewRefunds :many
SELECT * FROM refunds WHERE user_id = @user_id AND payment_id = ANY (@payment_ids::uuid[]) ORDER BY created_at, id;

-- name: RefundsSystemsToSweep :many
SELECT DISTINCT payment_system FROM refunds WHERE sweep_at <= statement_timestamp();

-- name: RefundsLeaseForSweep :many
-- The interval is the rule billing.LookupInterval, as in PaymentsLeaseForSweep.
WITH due AS (
    SELECT q.user_id, q.id FROM refunds q
    WHERE q.sweep_at <= statement_timestamp() AND q.payment_system = @system
    ORDER BY q.sweep_at
    LIMIT @take::int
    FOR NO KEY UPDATE SKIP LOCKED)
UPDATE refunds r
SET sweep_at = statement_timestamp() + least(greatest((statement_timestamp() - r.send_until) / 2, @shortest::interval), @longest::interval)
FROM due
WHERE r.user_id = due.user_id AND r.id = due.id
RETURNING sqlc.embed(r), statement_timestamp()::timestamptz AS leased_at;

-- name: RefundsLeaseForSend :many
UPDATE refunds r
SET sweep_at = statement_timestamp() + @send::interval, send_until = statement_timestamp() + @send::interval,
    first_sent_at = coalesce(r.first_sent_at, statement_timestamp())
FROM (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id,
    unnest(@send_untils::timestamptz[]) AS send_until) AS k
WHERE r.user_id = k.user_id AND r.id = k.id AND r.status = 'pending'
    AND r.send_until = k.send_until AND r.send_until <= statement_timestamp()
RETURNING r.user_id, r.id;

-- name: RefundReleaseUnsent :exec
UPDATE refunds r SET send_until = statement_timestamp(),
    first_sent_at = CASE WHEN NOT @never_sent::bool THEN r.first_sent_at END
WHERE r.user_id = @user_id AND r.id = @id AND r.status = 'pending';

-- name: RefundsLookUpNow :execrows
-- A refund that succeeded can be declined later.
UPDATE refunds r SET sweep_at = least(r.sweep_at, statement_timestamp())
FROM (SELECT i.user_id, i.id FROM refunds i WHERE i.id = @id::uuid
      UNION
      SELECT f.user_id, f.id FROM refunds f WHERE f.provider_ref = @provider_ref AND f.provider_ref <> '') AS k
WHERE r.user_id = k.user_id AND r.id = k.id AND r.payment_system = @system AND r.status IN ('pending', 'succeeded');

-- name: RefundsOfSystem :many
SELECT * FROM refunds
WHERE payment_system = @system AND created_at >= @from_time AND status IN ('pending', 'succeeded')
    AND (id, user_id) > (@after_id::uuid, @after_user::uuid)
ORDER BY id, user_id
LIMIT 1000;

-- name: RefundsNamed :many
SELECT r.* FROM refunds r
JOIN (SELECT i.user_id, i.id FROM refunds i WHERE i.id = ANY (@ids::uuid[])
      UNION
      SELECT f.user_id, f.id FROM refunds f WHERE f.provider_ref = ANY (@refs::text[]) AND f.provider_ref <> '') AS k
    ON r.user_id = k.user_id AND r.id = k.id
WHERE r.payment_system = @system;

-- name: PaymentsNamed :many
SELECT p.* FROM payments p
JOIN (SELECT i.user_id, i.id FROM payments i WHERE i.id = ANY (@ids::uuid[])
      UNION
      SELECT f.user_id, f.id FROM payments f WHERE f.provider_ref = ANY (@refs::text[]) AND f.provider_ref <> '') AS k
    ON p.user_id = k.user_id AND p.id = k.id
WHERE p.payment_system = @system;

-- name: RefundByID :one
SELECT * FROM refunds WHERE id = @id;
