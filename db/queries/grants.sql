-- name: GrantAdd :exec
INSERT INTO grants (user_id, id, subscription_id, period_start, period_end, source, given_by, reason, created_at)
VALUES (@user_id, @id, @subscription_id, @period_start, @period_end, @source, @given_by, @reason, @created_at);

-- name: GrantsGive :exec
-- UsersSeen explains the array in a SELECT of its own. The grants move exactly the dates that
-- billing.Subscription.Give moves.
WITH n AS (SELECT
    unnest((SELECT @user_ids::uuid[])) AS user_id, unnest(@ids::uuid[]) AS id, unnest(@subscription_ids::uuid[]) AS subscription_id,
    unnest(@period_starts::timestamptz[]) AS period_start, unnest(@period_ends::timestamptz[]) AS period_end,
    unnest(@sources::text[]) AS source, unnest(@given_bys::text[]) AS given_by, unnest(@reasons::text[]) AS reason,
    unnest(@created::timestamptz[]) AS created_at, unnest(@anchors::timestamptz[]) AS anchor_at,
    unnest(@next_charges::timestamptz[]) AS next_charge_at, unnest(@past_due_sinces::timestamptz[]) AS past_due_since,
    unnest(@grace_untils::timestamptz[]) AS grace_until),
moved AS (
    UPDATE subscriptions s
    SET period_end = n.period_end, anchor_at = n.anchor_at, next_charge_at = n.next_charge_at,
        past_due_since = n.past_due_since, grace_until = n.grace_until
    FROM n WHERE s.user_id = n.user_id AND s.id = n.subscription_id
    RETURNING s.user_id, s.id)
INSERT INTO grants (user_id, id, subscription_id, period_start, period_end, source, given_by, reason, created_at)
SELECT n.user_id, n.id, n.subscription_id, n.period_start, n.period_end, n.source, n.given_by, n.reason, n.created_at
FROM n JOIN moved m ON m.user_id = n.user_id AND m.id = n.subscription_id;

-- name: GrantsGivenTo :many
SELECT user_id FROM grants WHERE source = @source AND user_id = ANY(@user_ids::uuid[]);

-- name: GrantCandidates :many
-- The index of live subscriptions (subscriptions_one_live) has the order of the users, so a
-- page costs the same however far it is from the first. With EXISTS instead of the two
-- subqueries, Postgres would read both tables whole for each page, to hash them.
SELECT sqlc.embed(s), p.code AS plan_code, p.plan_group, (p.ending_at IS NOT NULL)::bool AS plan_ending,
    coalesce((SELECT true FROM grants g WHERE g.user_id = s.user_id AND g.source = @source), false)::bool AS given,
    coalesce((SELECT true FROM subscriptions o
        WHERE o.user_id = s.user_id AND o.plan_id = s.plan_id AND o.ended_at > @within_start::timestamptz
          AND o.started_at < @within_end::timestamptz LIMIT 1), false)::bool AS earlier
FROM subscriptions s JOIN plans p ON p.id = s.plan_id
WHERE s.plan_id = @plan_id AND s.ended_at IS NULL AND s.user_id > @after_user::uuid
ORDER BY s.user_id
LIMIT @take::int;

-- name: GrantsOf :many
SELECT * FROM grants WHERE user_id = @user_id ORDER BY period_start, id;

-- name: SubscriptionOwner :many
-- It reads the whole table: an index on the id would have to be written by each renewal.
SELECT user_id FROM subscriptions WHERE id = @id;
