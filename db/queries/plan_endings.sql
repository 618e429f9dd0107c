-- name: PlanEndingAdd :exec
INSERT INTO plan_endings (plan_id, started_at, author, reason, origin, viewers)
VALUES (@plan_id, @started_at, @author, @reason, @origin, @viewers);

-- name: PlanEndingLockOpen :one
-- The lock on the plan makes its restoring wait.
SELECT sqlc.embed(e), sqlc.embed(p)
FROM plan_endings e JOIN plans p ON p.id = e.plan_id
WHERE e.done_at IS NULL
ORDER BY e.started_at, e.plan_id
LIMIT 1
FOR NO KEY UPDATE OF e SKIP LOCKED
FOR SHARE OF p;

-- name: PlanEndingNext :many
-- See GrantCandidates for the index.
SELECT s.user_id, s.id FROM subscriptions s
WHERE s.plan_id = @plan_id AND s.ended_at IS NULL AND s.user_id > @after_user::uuid
ORDER BY s.user_id
LIMIT @take::int;

-- name: PlanEndingSave :execrows
UPDATE plan_endings
SET after_user = @after_user, cancelled = @cancelled, ended = @ended, failed = @failed, done_at = @done_at
WHERE plan_id = @plan_id AND started_at = @started_at;

-- name: ViewPlanEnding :one
SELECT * FROM plan_endings WHERE plan_id = @plan_id ORDER BY started_at DESC LIMIT 1;

-- name: ViewRenewing :one
-- The times are NULL if there is no such subscription. It reads all live subscriptions,
-- because no index begins with plan_id.
SELECT count(*) AS viewers, min(s.period_end)::timestamptz AS first_end, max(s.period_end)::timestamptz AS last_end
FROM subscriptions s
WHERE s.plan_id = @plan_id AND s.ended_at IS NULL AND NOT s.cancel_at_period_end;
