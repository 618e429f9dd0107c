-- name: ContactsAdd :exec
INSERT INTO receipt_contacts (user_id, id, contact, contact_ct, contact_key_id)
SELECT unnest(@user_ids::uuid[]), unnest(@ids::uuid[]),
    NULLIF(unnest(@contacts::text[]), ''), unnest(@contact_cts::bytea[]), NULLIF(unnest(@contact_key_ids::bigint[]), 0);

-- name: ContactsNewest :many
SELECT DISTINCT ON (user_id) * FROM receipt_contacts
WHERE user_id = ANY (@user_ids::uuid[])
ORDER BY user_id, added_at DESC, id DESC;

-- name: ReceiptPlans :many
SELECT id, name, vat FROM plans WHERE id = ANY (@ids::uuid[]);

-- name: ReceiptsAdd :exec
INSERT INTO receipts (user_id, id, payment_id, payment_system, contact_id, item, vat, mode, tax_system, status, created_at)
SELECT unnest(@user_ids::uuid[]), unnest(@ids::uuid[]), unnest(@payment_ids::uuid[]), unnest(@payment_systems::text[]),
    unnest(@contact_ids::uuid[]), unnest(@items::text[]), unnest(@vats::text[]), unnest(@modes::text[]),
    unnest(@tax_systems::smallint[]), 'pending', unnest(@created::timestamptz[]);

-- name: ReceiptsFind :many
SELECT sqlc.embed(r), sqlc.embed(c)
FROM (SELECT unnest(@user_ids::uuid[]) AS user_id, unnest(@ids::uuid[]) AS id) AS k
JOIN receipts r ON r.user_id = k.user_id AND r.id = k.id
JOIN receipt_contacts c ON c.user_id = r.user_id AND c.id = r.contact_id;

-- name: ReceiptSave :exec
UPDATE receipts r
SET status = @status::text, settled_at = sqlc.narg(settled_at), look_at = CASE @status::text WHEN 'pending' THEN r.look_at END
WHERE r.user_id = @user_id AND r.id = @id AND r.status = 'pending';

-- name: ReceiptsLeaseForSweep :many
-- The interval is the rule billing.LookupInterval, as in PaymentsLeaseForSweep.
WITH due AS (
    SELECT q.user_id, q.id FROM receipts q
    WHERE q.look_at <= statement_timestamp() AND q.payment_system = @system
    ORDER BY q.look_at
    LIMIT @take::int
    FOR NO KEY UPDATE SKIP LOCKED)
UPDATE receipts r
SET look_at = statement_timestamp() + least(greatest((statement_timestamp() - r.added_at) / 2, @shortest::interval), @longest::interval)
FROM due
WHERE r.user_id = due.user_id AND r.id = due.id
RETURNING sqlc.embed(r), statement_timestamp()::timestamptz AS leased_at;

-- name: ReceiptsSystemsToSweep :many
SELECT DISTINCT payment_system FROM receipts WHERE look_at <= statement_timestamp();

-- name: ViewReceipts :many
SELECT * FROM receipts WHERE user_id = @user_id AND payment_id = ANY (@payment_ids::uuid[]) ORDER BY created_at, id;

-- name: BacklogReceipts :one
-- The time is NULL if no receipt is pending.
SELECT count(*) AS pending, min(created_at)::timestamptz AS oldest FROM receipts WHERE look_at IS NOT NULL;

-- name: ContactsToReencrypt :many
SELECT * FROM receipt_contacts
WHERE (contact IS NOT NULL OR contact_key_id <> @key_id::bigint) AND (user_id, id) > (@after_user::uuid, @after_id::uuid)
ORDER BY user_id, id
LIMIT @take::int
FOR NO KEY UPDATE SKIP LOCKED;

-- name: ContactReencrypt :execrows
UPDATE receipt_contacts SET contact = NULL, contact_ct = @contact_ct, contact_key_id = @contact_key_id
WHERE user_id = @user_id AND id = @id;

-- name: ContactsByKey :many
SELECT coalesce(contact_key_id, 0)::bigint AS key_id, count(*) AS rows FROM receipt_contacts
WHERE contact IS NOT NULL OR contact_ct IS NOT NULL -- erased contacts do not count
GROUP BY 1
ORDER BY 1;
