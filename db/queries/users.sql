-- name: UserSeen :exec
INSERT INTO users (id, first_seen_at, last_seen_at)
VALUES (@id, @at, @at)
ON CONFLICT (id) DO UPDATE SET last_seen_at = excluded.last_seen_at
WHERE users.last_seen_at < excluded.last_seen_at - interval '1 minute';
