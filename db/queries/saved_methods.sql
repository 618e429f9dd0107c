-- name: SaveAdd :exec
INSERT INTO saved_methods (
    user_id, method_id, payment_system, return_url, status, decline_code, provider_ref, action_url, brand, last4, created_at,
    sweep_at, send_until)
VALUES (
    @user_id, @method_id, @payment_system, @return_url, 'pending', '', '', '', '', '', @created_at,
    statement_timestamp() + @send::interval, statement_timestamp() + @send::interval);

-- name: SaveLock :one
SELECT * FROM saved_methods WHERE user_id = @user_id AND method_id = @method_id FOR NO KEY UPDATE;

-- name: SaveUpdate :execrows
UPDATE saved_methods s
SET status = @status::text, decline_code = @decline_code, provider_ref = @provider_ref, action_url = @action_url,
    page_until = sqlc.narg(page_until), brand = @brand, last4 = @last4, settled_at = sqlc.narg(settled_at),
    sweep_at = CASE @status::text WHEN 'pending' THEN s.sweep_at END,
    send_until = CASE @status::text WHEN 'pending' THEN s.send_until END
WHERE s.user_id = @user_id AND s.method_id = @method_id;

-- name: SaveRelease :exec
UPDATE saved_methods s SET sweep_at = statement_timestamp()
WHERE s.user_id = @user_id AND s.method_id = @method_id AND s.sweep_at IS NOT NULL;

-- name: SavesLookUpNow :execrows
-- The index of pending saves serves both conditions: they are few.
UPDATE saved_methods s SET sweep_at = least(s.sweep_at, statement_timestamp())
WHERE s.sweep_at IS NOT NULL AND s.payment_system = @system
  AND (s.method_id = @method_id::uuid OR s.provider_ref = @provider_ref AND s.provider_ref <> '');

-- name: SavesLeaseForSweep :many
-- The interval is the rule billing.LookupInterval, here on the clock of this server.
WITH due AS (
    SELECT q.user_id, q.method_id FROM saved_methods q
    WHERE q.sweep_at <= statement_timestamp() AND q.payment_system = @system
    ORDER BY q.sweep_at
    LIMIT @take::int
    FOR NO KEY UPDATE SKIP LOCKED)
UPDATE saved_methods s
SET sweep_at = statement_timestamp() + least(greatest((statement_timestamp() - s.send_until) / 2, @shortest::interval), @longest::interval)
FROM due
WHERE s.user_id = due.user_id AND s.method_id = due.method_id
RETURNING sqlc.embed(s), statement_timestamp()::timestamptz AS leased_at;

-- name: SavesSystemsToSweep :many
SELECT DISTINCT payment_system FROM saved_methods WHERE sweep_at <= statement_timestamp();
