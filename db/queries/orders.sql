-- name: PlansForShare :many
-- UsersSeen explains the arrays in SELECTs of their own.
SELECT sqlc.embed(p), pg_current_xact_id()::xid AS version
FROM plans p
WHERE p.code = ANY((SELECT @codes::text[])::text[]) OR p.id = ANY((SELECT @ids::uuid[])::uuid[])
FOR SHARE;

-- name: PaymentSystemsNamed :many
-- UsersSeen explains the array in a SELECT of its own.
SELECT * FROM payment_systems WHERE code = ANY((SELECT @codes::text[])::text[]);

-- name: SubscriptionsLive :many
-- The group is that of the plan, because rows of an earlier version have none. UsersSeen
-- explains the array in a SELECT of its own.
SELECT sqlc.embed(s), p.code AS plan_code, p.plan_group, (p.ending_at IS NOT NULL)::bool AS plan_ending
FROM (SELECT unnest((SELECT @user_ids::uuid[])) AS user_id, unnest(@codes::text[]) AS code, unnest(@ids::uuid[]) AS id) AS k
JOIN plans ordered ON ordered.code = k.code OR ordered.id = k.id
JOIN subscriptions s ON s.user_id = k.user_id AND s.ended_at IS NULL
JOIN plans p ON p.id = s.plan_id AND p.plan_group = ordered.plan_group
ORDER BY s.id
FOR NO KEY UPDATE OF s;

-- name: MethodsByToken :many
-- The lock prevents the removal of a method before an intent with it is stored.
-- A token from a time without a vault has no fingerprint. The query returns all of
-- the viewer's plaintext tokens, and the caller compares them: a token in a
-- parameter could get into the log of the database. UsersSeen explains the array in
-- a SELECT of its own.
SELECT m.*
FROM (SELECT unnest((SELECT @user_ids::uuid[])) AS user_id, unnest(@payment_systems::text[]) AS payment_system,
             unnest(@token_fingerprints::bytea[]) AS token_fingerprint) AS k
CROSS JOIN LATERAL ( -- UNION ALL because an OR would read all methods of the user
    SELECT f.id FROM payment_methods f
    WHERE f.user_id = k.user_id AND f.payment_system = k.payment_system AND f.card_id IS NULL
      AND f.token_fingerprint = k.token_fingerprint
    UNION ALL
    SELECT c.id FROM payment_methods c
    WHERE c.user_id = k.user_id AND c.payment_system = k.payment_system AND c.card_id IS NULL AND c.token IS NOT NULL) AS o
JOIN payment_methods m ON m.user_id = k.user_id AND m.id = o.id
WHERE m.removed_at IS NULL
ORDER BY m.id
FOR SHARE OF m;

-- name: UsersDeclined :many
-- These users made a payment themselves that was declined or has no outcome yet.
-- UsersSeen explains the array in a SELECT of its own.
SELECT k.user_id::uuid AS user_id
FROM (SELECT unnest((SELECT @user_ids::uuid[])) AS user_id, unnest(@since::timestamptz[]) AS since) AS k
WHERE EXISTS (
    SELECT FROM payments p
    WHERE p.user_id = k.user_id AND p.initiator = 'customer' AND p.created_at > k.since
      AND p.status IN ('declined', 'pending'));
