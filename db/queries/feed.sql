-- name: FeedEvents :many
-- The bounds of xact are a window. A page needs few rows, and sorting all later rows would
-- read the rest of the history.
SELECT sqlc.embed(e), (SELECT u.subject FROM users u WHERE u.id = e.user_id) AS subject
FROM events e
WHERE e.xact >= @first::bigint AND e.xact < @before::bigint AND (e.xact, e.id) > (@after_xact::bigint, @after_id::uuid)
  AND (@types::text[] = '{}' OR e.type = ANY(@types::text[]))
  AND (e.id >= @since_id::uuid OR e.at >= @since::timestamptz)
ORDER BY e.xact, e.id
LIMIT @take::int;

-- name: FeedEarlierEvents :many
-- FeedEvents for the events of earlier versions, by windows of the id.
SELECT sqlc.embed(e), (SELECT u.subject FROM users u WHERE u.id = e.user_id) AS subject
FROM events e
WHERE e.xact IS NULL AND e.id > @after_id::uuid AND e.id < @before_id::uuid
  AND (@types::text[] = '{}' OR e.type = ANY(@types::text[]))
  AND (e.id >= @since_id::uuid OR e.at >= @since::timestamptz)
ORDER BY e.id
LIMIT @take::int;

-- name: FeedHasEarlier :one
SELECT EXISTS (SELECT FROM events e WHERE e.xact IS NULL AND e.id > @after_id::uuid);

-- name: FeedStart :one
-- The first place of an event that was recorded, or happened, within a window of time.
SELECT (count(*) FILTER (WHERE e.xact IS NULL) > 0)::bool AS earlier, coalesce(min(e.xact), 0)::bigint AS xact
FROM events e
WHERE e.id >= @first_id::uuid AND e.id < @before_id::uuid
   OR e.at >= @first_at::timestamptz AND e.at < @before_at::timestamptz;

-- name: FeedOldest :many
-- The oldest event of a window, or none.
SELECT e.id FROM events e
WHERE e.xact >= @first::bigint AND e.xact < @before::bigint
ORDER BY e.id
LIMIT 1;
