-- name: UsersSeen :exec
-- Who was seen a moment ago is left alone, and not even locked. In order, so that
-- two that register the same users do not wait for each other. An array in a
-- SELECT of its own keeps the planner from counting it, and from planning anew for
-- each short one.
INSERT INTO users (id, first_seen_at, last_seen_at)
SELECT k.id, k.at, k.at
FROM (SELECT unnest((SELECT @ids::uuid[])) AS id, @at::timestamptz AS at) AS k
WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = k.id AND u.last_seen_at >= k.at - interval '1 minute')
ORDER BY k.id
ON CONFLICT (id) DO UPDATE SET last_seen_at = excluded.last_seen_at
WHERE users.last_seen_at < excluded.last_seen_at - interval '1 minute';
