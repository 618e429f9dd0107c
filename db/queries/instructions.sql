-- name: InstructionAdd :execrows
INSERT INTO instructions (user_id, id, kind, target, days, amount, currency, end_now, settle_as, reason, author, author_role, origin,
                          decided_by, state, fault_code, outcome, created_at)
VALUES (@user_id, @id, @kind, @target, @days, @amount, @currency, @end_now, @settle_as, @reason, @author, @author_role, @origin,
        '', @state, '', '', @created_at)
ON CONFLICT (user_id, id) DO NOTHING;

-- name: InstructionLock :one
SELECT * FROM instructions WHERE user_id = @user_id AND id = @id FOR NO KEY UPDATE;

-- name: InstructionLockOpen :one
SELECT * FROM instructions WHERE user_id = @user_id AND id = @id AND state = 'open' FOR NO KEY UPDATE SKIP LOCKED;

-- name: InstructionDecide :execrows
UPDATE instructions SET state = @state, decided_by = @decided_by, decided_at = @decided_at
WHERE user_id = @user_id AND id = @id;

-- name: InstructionFinish :execrows
UPDATE instructions SET state = @state, fault_code = @fault_code, outcome = @outcome, done_at = @done_at
WHERE user_id = @user_id AND id = @id;

-- name: InstructionUsage :one
SELECT coalesce(sum(days) FILTER (WHERE kind IN ('give', 'give_plan') AND user_id = @user_id), 0)::bigint AS given_days,
       coalesce(sum(amount) FILTER (WHERE kind = 'refund' AND currency = @currency), 0)::bigint AS refunded
FROM instructions
WHERE author = @author AND created_at >= @since AND decided_by = '' AND state IN ('open', 'done');

-- name: InstructionsOpen :many
SELECT * FROM instructions WHERE state = 'open' ORDER BY created_at, id LIMIT @take::int;

-- name: InstructionsWaiting :many
SELECT * FROM instructions WHERE state = 'waiting_for_approval' ORDER BY created_at, id LIMIT @take::int;

-- name: InstructionsOf :many
SELECT * FROM instructions WHERE user_id = @user_id ORDER BY created_at DESC, id DESC LIMIT @take::int;

-- name: Instruction :one
SELECT * FROM instructions WHERE user_id = @user_id AND id = @id;

-- name: EventAuthorsAdd :exec
INSERT INTO event_authors (user_id, event_id, author, reason, instruction_id)
SELECT unnest(@user_ids::uuid[]), unnest(@event_ids::uuid[]), unnest(@authors::text[]), unnest(@reasons::text[]),
       NULLIF(unnest(@instruction_ids::text[]), '')::uuid;

-- name: EventAuthors :many
SELECT a.* FROM event_authors a JOIN (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@event_ids::uuid[]) AS event_id) e
    ON a.user_id = e.user_id AND a.event_id = e.event_id;

-- name: GrantAuthors :many
-- A grant and its event have the same time. A gift to many viewers, and an earlier version,
-- stores the author with the grant only.
SELECT e.event_id::text AS event_id, g.given_by, g.reason
FROM (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@event_ids::uuid[]) AS event_id,
             unnest(@subscription_ids::uuid[]) AS subscription_id, unnest(@ats::timestamptz[]) AS at) e
JOIN grants g ON g.user_id = e.user_id AND g.subscription_id = e.subscription_id AND g.created_at = e.at;

-- name: BacklogInstructions :one
-- The times are NULL if there is none. Each part reads its own index.
SELECT o.n AS open, o.oldest::timestamptz AS oldest_open, w.n AS waiting, w.oldest::timestamptz AS oldest_waiting,
    (SELECT min(started_at) FROM plan_endings WHERE done_at IS NULL)::timestamptz AS oldest_plan_ending
FROM (SELECT count(*) AS n, min(created_at) AS oldest FROM instructions WHERE state = 'open') o,
     (SELECT count(*) AS n, min(created_at) AS oldest FROM instructions WHERE state = 'waiting_for_approval') w;

-- name: PanelMethods :many
-- It reads only columns that the panel may read.
SELECT m.id, m.payment_system, coalesce(c.brand, s.brand, '') AS brand, coalesce(c.last4, s.last4, '') AS last4, m.created_at, m.removed_at
FROM payment_methods m
LEFT JOIN cards c ON c.user_id = m.user_id AND c.id = m.card_id
LEFT JOIN saved_methods s ON s.user_id = m.user_id AND s.method_id = m.id
WHERE m.user_id = @user_id
ORDER BY m.id DESC
LIMIT @take::int;
