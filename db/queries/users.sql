-- name: UsersSeen :exec
-- A user that was seen within the last minute is skipped and not even locked. The
-- order of the rows prevents deadlocks between transactions that register the
-- same users. The array stands in a SELECT of its own because the planner would
-- otherwise look at its length, and plan again for each short one.
INSERT INTO users (id, first_seen_at, last_seen_at)
SELECT k.id, k.at, k.at
FROM (SELECT unnest((SELECT @ids::uuid[])) AS id, @at::timestamptz AS at) AS k
WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = k.id AND u.last_seen_at >= k.at - interval '1 minute')
ORDER BY k.id
ON CONFLICT (id) DO UPDATE SET last_seen_at = excluded.last_seen_at
WHERE users.last_seen_at < excluded.last_seen_at - interval '1 minute';

-- name: UserLock :exec
SELECT FROM users WHERE id = @id FOR NO KEY UPDATE;
