-- name: PlanGroupsLock :exec
-- An order locks its plan FOR SHARE, which waits. Reads do not wait.
LOCK TABLE plans IN EXCLUSIVE MODE;

-- name: PlanGroupConflicts :many
-- It reads the live subscriptions twice, or not at all if the group has no other plan.
-- MATERIALIZED makes the planner join two lists. Otherwise it underestimates the plans
-- of a group, and looks up each user.
WITH members AS MATERIALIZED (
    SELECT m.id, m.code FROM plans m WHERE m.plan_group = @plan_group AND m.id <> @plan_id
), moved AS MATERIALIZED (
    SELECT s.user_id, s.id FROM subscriptions s
    WHERE s.plan_id = @plan_id AND s.ended_at IS NULL AND EXISTS (SELECT FROM members)
), others AS MATERIALIZED (
    SELECT o.user_id, o.id, o.plan_id FROM subscriptions o
    WHERE o.plan_id IN (SELECT m.id FROM members m) AND o.ended_at IS NULL AND EXISTS (SELECT FROM members)
), conflicts AS (
    SELECT DISTINCT ON (moved.user_id) moved.user_id, moved.id, others.id AS other_id, others.plan_id
    FROM moved JOIN others ON others.user_id = moved.user_id
    ORDER BY moved.user_id, others.id
)
SELECT c.user_id, c.id, c.other_id, m.code AS other_plan, count(*) OVER () AS users
FROM conflicts c JOIN members m ON m.id = c.plan_id
ORDER BY c.user_id
LIMIT @take::int;

-- name: PlanGroupRelabel :one
-- It reads an index of users from the last one on, because no index begins with plan_id.
-- The lock on the plan makes another change of its group wait.
WITH batch AS MATERIALIZED (
    SELECT c.user_id, c.id FROM subscriptions c
    WHERE c.plan_id = @plan_id AND c.ended_at IS NULL AND c.user_id > @after
    ORDER BY c.user_id
    LIMIT @take::int
), locked AS MATERIALIZED (
    SELECT s.user_id, s.id, p.plan_group
    FROM batch b
    JOIN subscriptions s ON s.user_id = b.user_id AND s.id = b.id AND s.ended_at IS NULL
    JOIN plans p ON p.id = s.plan_id AND p.plan_group IS DISTINCT FROM s.plan_group
    ORDER BY s.id
    FOR NO KEY UPDATE OF s
    FOR SHARE OF p
), changed AS (
    UPDATE subscriptions s SET plan_group = l.plan_group
    FROM locked l WHERE s.user_id = l.user_id AND s.id = l.id
)
SELECT b.user_id FROM batch b ORDER BY b.user_id DESC LIMIT 1;
