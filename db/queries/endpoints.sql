-- name: EndpointAdd :exec
INSERT INTO endpoints (id, url, types, added_at, since, reached_at)
VALUES (@id, @url, @types::text[], @added_at, @added_at, @added_at);

-- name: EndpointLock :one
SELECT * FROM endpoints WHERE id = @id FOR NO KEY UPDATE;

-- name: EndpointSave :execrows
UPDATE endpoints
SET disabled_at = sqlc.narg(disabled_at), next_try_at = sqlc.narg(next_try_at),
    replay_from = sqlc.narg(replay_from), test_asked_at = sqlc.narg(test_asked_at)
WHERE id = @id;

-- name: EndpointSecretAdd :exec
INSERT INTO endpoint_secrets (endpoint_id, id, secret, secret_ct, secret_key_id, added_at)
VALUES (@endpoint_id, @id, NULLIF(@secret::text, ''), sqlc.narg(secret_ct), sqlc.narg(secret_key_id), @added_at);

-- name: EndpointSecretsExpire :exec
UPDATE endpoint_secrets SET expires_at = least(expires_at, @until::timestamptz) WHERE endpoint_id = @endpoint_id;

-- name: EndpointSecretsOf :many
SELECT * FROM endpoint_secrets
WHERE endpoint_id = @endpoint_id AND (expires_at IS NULL OR expires_at > @wall::timestamptz)
ORDER BY added_at DESC, id DESC;

-- name: EndpointResend :execrows
-- Events after the place of the endpoint are delivered anyway.
INSERT INTO deliveries (user_id, endpoint_id, event_id, xact, tries, next_try_at, last_status)
SELECT e.user_id, p.id, e.id, coalesce(e.xact, 0), 0, @now::timestamptz, ''
FROM endpoints p, events e
WHERE p.id = @endpoint_id AND e.user_id = @user_id
  AND (sqlc.narg(event_id)::uuid IS NULL OR e.id = sqlc.narg(event_id)::uuid)
  AND (e.id >= @since_id::uuid OR e.at >= @since::timestamptz)
  AND (p.types = '{}' OR e.type = ANY(p.types))
  AND (coalesce(e.xact, 0), e.id) <= (p.xact, p.event_id)
ON CONFLICT (user_id, endpoint_id, event_id) DO UPDATE SET next_try_at = excluded.next_try_at;

-- name: EndpointLease :many
WITH ready AS (
    SELECT r.id FROM endpoints r
    WHERE (r.disabled_at IS NULL AND (r.next_try_at IS NULL OR r.next_try_at <= @now::timestamptz) OR r.test_asked_at IS NOT NULL)
      AND r.leased_until <= statement_timestamp()
    ORDER BY r.leased_until
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED)
UPDATE endpoints e SET lease = @lease, leased_until = statement_timestamp() + @lease_for::interval
FROM ready WHERE e.id = ready.id
RETURNING e.*;

-- name: EndpointRelease :execrows
-- A change that an operator made since the lease stays.
UPDATE endpoints
SET epoch = @epoch, xact = @xact, event_id = sqlc.narg(event_id), since = sqlc.narg(since), reached_at = @reached_at,
    tries = @tries, failing_since = sqlc.narg(failing_since), last_try_at = sqlc.narg(last_try_at), last_status = @last_status,
    next_try_at = CASE WHEN next_try_at IS DISTINCT FROM sqlc.narg(leased_next_try_at)::timestamptz THEN next_try_at ELSE sqlc.narg(next_try_at)::timestamptz END,
    disabled_at = CASE WHEN disabled_at IS DISTINCT FROM sqlc.narg(leased_disabled_at)::timestamptz THEN disabled_at ELSE sqlc.narg(disabled_at)::timestamptz END,
    replay_from = CASE WHEN replay_from = sqlc.narg(replayed)::timestamptz THEN NULL ELSE replay_from END,
    test_asked_at = CASE WHEN test_asked_at <= sqlc.narg(tested_at)::timestamptz THEN NULL ELSE test_asked_at END,
    tested_at = sqlc.narg(tested_at), test_status = @test_status,
    lease = NULL, leased_until = statement_timestamp() + @idle::interval
WHERE id = @id AND lease = @lease AND leased_until > statement_timestamp();

-- name: ViewEndpoints :many
SELECT * FROM endpoints ORDER BY added_at, id;

-- name: EndpointBehind :one
-- The planner estimates BRIN indexes badly: see readFeed.
SELECT count(*) AS events, coalesce(min(b.id::text), '')::text AS oldest FROM (
    SELECT e.id FROM events e
    WHERE e.xact >= @xact::bigint AND (e.xact, e.id) > (@xact::bigint, @event_id::uuid)
      AND (e.id >= @since_id::uuid OR e.at >= @since::timestamptz)
      AND (@types::text[] = '{}' OR e.type = ANY(@types::text[]))
    LIMIT @most::int) AS b;

-- name: EndpointBehindSince :one
-- EndpointBehind for an endpoint without a place in the feed.
SELECT count(*) AS events, coalesce(min(b.id::text), '')::text AS oldest FROM (
    SELECT e.id FROM events e
    WHERE e.id >= @since_id::uuid AND (@types::text[] = '{}' OR e.type = ANY(@types::text[]))
    LIMIT @most::int) AS b;

-- name: DeliveriesWaiting :one
SELECT count(*) AS events, coalesce(min(d.event_id::text), '')::text AS oldest
FROM (SELECT w.event_id FROM deliveries w WHERE w.endpoint_id = @endpoint_id LIMIT @most::int) AS d;

-- name: DeliveriesDue :many
SELECT sqlc.embed(d), sqlc.embed(e), (SELECT u.subject FROM users u WHERE u.id = e.user_id) AS subject
FROM deliveries d JOIN events e ON e.user_id = d.user_id AND e.id = d.event_id
WHERE d.endpoint_id = @endpoint_id AND d.next_try_at <= @now::timestamptz
ORDER BY d.next_try_at, d.user_id, d.xact, d.event_id
LIMIT @take::int;

-- name: DeliveriesOfUsers :many
SELECT d.user_id, max(d.next_try_at)::timestamptz AS next_try_at FROM deliveries d
WHERE d.endpoint_id = @endpoint_id AND d.user_id = ANY(@users::uuid[])
GROUP BY d.user_id;

-- name: DeliveriesFailing :one
SELECT count(*) FROM (SELECT FROM deliveries d WHERE d.endpoint_id = @endpoint_id AND d.tries > 0 LIMIT @most::int) AS f;

-- name: DeliveriesPut :exec
INSERT INTO deliveries (user_id, endpoint_id, event_id, xact, tries, next_try_at, last_status)
SELECT unnest(@user_ids::uuid[]), @endpoint_id, unnest(@event_ids::uuid[]), unnest(@xacts::bigint[]), unnest(@tries::int[]),
    unnest(@next_tries::timestamptz[]), unnest(@statuses::text[])
ON CONFLICT (user_id, endpoint_id, event_id)
DO UPDATE SET tries = greatest(deliveries.tries, excluded.tries), next_try_at = excluded.next_try_at,
    last_status = coalesce(NULLIF(excluded.last_status, ''), deliveries.last_status);

-- name: DeliveriesPostpone :exec
UPDATE deliveries d SET next_try_at = n.next_try_at
FROM (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@next_tries::timestamptz[]) AS next_try_at) AS n
WHERE d.endpoint_id = @endpoint_id AND d.user_id = n.user_id AND d.next_try_at <> n.next_try_at;

-- name: DeliveriesRemove :exec
DELETE FROM deliveries d
USING (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@event_ids::uuid[]) AS event_id) AS r
WHERE d.endpoint_id = @endpoint_id AND d.user_id = r.user_id AND d.event_id = r.event_id;

-- name: DeliveriesRetryAll :exec
UPDATE deliveries SET next_try_at = @now WHERE endpoint_id = @endpoint_id AND next_try_at > @now;

-- name: EndpointSecretsToReencrypt :many
SELECT * FROM endpoint_secrets
WHERE (secret IS NOT NULL OR secret_key_id <> @key_id::bigint) AND (endpoint_id, id) > (@after_endpoint::uuid, @after_id::uuid)
ORDER BY endpoint_id, id
LIMIT @take::int
FOR NO KEY UPDATE SKIP LOCKED;

-- name: EndpointSecretReencrypt :execrows
UPDATE endpoint_secrets SET secret = NULL, secret_ct = @secret_ct, secret_key_id = @secret_key_id
WHERE endpoint_id = @endpoint_id AND id = @id;

-- name: EndpointSecretsByKey :many
SELECT coalesce(secret_key_id, 0)::bigint AS key_id, count(*) AS rows FROM endpoint_secrets
GROUP BY 1
ORDER BY 1;
