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

-- name: UserIdentify :one
-- The subject that is stored afterwards. Like UsersSeen, it neither writes nor locks
-- a user that was seen within the last minute, nor one with another subject. If two
-- transactions register the same id, the second one waits, and returns the subject
-- of the first.
--
-- The display name is written with the other columns, and alone only if it changed. An
-- equal value touches no index.
WITH written AS (
    INSERT INTO users (id, first_seen_at, last_seen_at, subject, display)
    SELECT k.id, k.at, k.at, k.subject, k.display
    FROM (SELECT @user_id::uuid AS id, @at::timestamptz AS at, @subject::text AS subject, nullif(@display::text, '') AS display) AS k
    WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = k.id
        AND (u.subject <> k.subject OR u.subject = k.subject AND u.last_seen_at >= k.at - interval '1 minute'
            AND coalesce(k.display, u.display) IS NOT DISTINCT FROM u.display))
    ON CONFLICT (id) DO UPDATE SET last_seen_at = greatest(users.last_seen_at, excluded.last_seen_at),
        subject = coalesce(users.subject, excluded.subject),
        display = CASE WHEN users.subject IS NULL OR users.subject = excluded.subject THEN coalesce(excluded.display, users.display)
            ELSE users.display END
    RETURNING users.subject
)
SELECT w.subject::text AS stored FROM written w
UNION ALL
SELECT u.subject::text FROM users u WHERE u.id = @user_id AND NOT EXISTS (SELECT FROM written);

-- name: UserLock :exec
SELECT FROM users WHERE id = @id FOR NO KEY UPDATE;
