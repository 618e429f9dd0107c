-- name: NoteAdd :exec
INSERT INTO user_notes (user_id, id, text, written_by, created_at) VALUES (@user_id, @id, @text, @written_by, @created_at);

-- name: PanelViewNotes :many
SELECT * FROM user_notes WHERE user_id = @user_id ORDER BY id DESC LIMIT @take::int;

-- name: UserLockForErasure :one
-- FOR UPDATE waits for transactions that add rows of the user, and they wait for this one,
-- because of their foreign keys.
SELECT id FROM users WHERE id = @id FOR UPDATE;

-- name: ErasureObstacles :one
-- A payment that was given up counts as long as it is looked up again, because it may be
-- refunded.
SELECT
    (SELECT count(*) FROM subscriptions s WHERE s.user_id = @user_id AND s.ended_at IS NULL) AS live,
    (SELECT count(*) FROM payments p WHERE p.user_id = @user_id AND p.sweep_at IS NOT NULL)
        + (SELECT count(*) FROM payments p WHERE p.user_id = @user_id AND p.status = 'abandoned' AND p.recheck_at IS NOT NULL) AS payments,
    (SELECT count(*) FROM refunds r WHERE r.user_id = @user_id AND r.sweep_at IS NOT NULL AND r.status = 'pending') AS refunds,
    (SELECT count(*) FROM receipts r WHERE r.user_id = @user_id AND r.look_at IS NOT NULL) AS receipts,
    (SELECT count(*) FROM saved_methods m WHERE m.user_id = @user_id AND m.sweep_at IS NOT NULL) AS saves;

-- name: EraseNames :one
WITH before AS (SELECT u.id, u.subject, u.display FROM users u WHERE u.id = @user_id),
erased AS (UPDATE users u SET subject = NULL, display = NULL FROM before b WHERE u.id = b.id AND num_nonnulls(b.subject, b.display) > 0)
SELECT (subject IS NOT NULL)::bool AS subject, (display IS NOT NULL)::bool AS display FROM before;

-- name: EraseNotes :execrows
DELETE FROM user_notes WHERE user_id = @user_id;

-- name: EraseContacts :execrows
UPDATE receipt_contacts SET contact = NULL, contact_ct = NULL, contact_key_id = NULL
WHERE user_id = @user_id AND num_nonnulls(contact, contact_ct) > 0;

-- name: EraseCards :execrows
UPDATE cards SET removed_at = coalesce(removed_at, @now::timestamptz), number_ct = NULL, key_id = NULL, fingerprint = NULL, last4 = '', holder = ''
WHERE user_id = @user_id AND (last4 <> '' OR holder <> '' OR removed_at IS NULL);

-- name: EraseTokensForgotten :exec
-- The payment systems that can forget a token are asked by billing-api: see token_removals. A
-- token is encrypted for the place that it had in its method, so it can move as it is.
INSERT INTO token_removals (user_id, method_id, payment_system, token, token_ct, token_key_id)
SELECT m.user_id, m.id, m.payment_system, m.token, m.token_ct, m.token_key_id FROM payment_methods m
WHERE m.user_id = @user_id AND num_nonnulls(m.token, m.token_ct) > 0 AND m.payment_system = ANY(@forgetting::text[])
ON CONFLICT DO NOTHING;

-- name: EraseMethods :execrows
UPDATE payment_methods m
SET removed_at = coalesce(m.removed_at, @now::timestamptz), removed_with = coalesce(m.removed_with, m.id),
    token = NULL, token_ct = NULL, token_key_id = NULL, token_fingerprint = NULL
WHERE m.user_id = @user_id AND (m.removed_at IS NULL OR num_nonnulls(m.token, m.token_ct) > 0);

-- name: EraseSavedMethods :exec
UPDATE saved_methods SET return_url = '', provider_ref = '', action_url = '', last4 = '' WHERE user_id = @user_id;

-- name: ErasePages :exec
-- Each half reads one index of the payments of a user: see ViewPayments.
UPDATE payments p SET action_url = ''
WHERE p.user_id = @user_id AND p.sweep_at IS NULL AND p.id IN (
    SELECT a.id FROM payments a WHERE a.user_id = @user_id AND a.status IN ('pending', 'succeeded') AND a.action_url <> ''
    UNION ALL
    SELECT b.id FROM payments b WHERE b.user_id = @user_id AND b.status IN ('declined', 'abandoned') AND b.action_url <> '');

-- name: EraseResponses :exec
-- The keys stay, so that no old request runs again.
UPDATE idempotency_answers SET body = '' WHERE user_id = @user_id AND body IS NOT NULL;

-- name: ExpirePage :one
-- It erases expired names and contacts of the users of a page, by id. The time counts from the
-- last visit, or from the end of the last subscription if that is later. A NULL bound keeps its
-- kind of data. It leaves out users with unfinished business, and locked ones.
WITH page AS (SELECT p.id FROM users p WHERE p.id > @after_id::uuid ORDER BY p.id LIMIT @take::int),
idle AS (
    SELECT u.id, u.subject, u.display,
        greatest(u.last_seen_at, (SELECT max(s.ended_at) FROM subscriptions s WHERE s.user_id = u.id)) AS since
    FROM page JOIN users u ON u.id = page.id
    WHERE u.last_seen_at < greatest(@subject_before::timestamptz, @display_before::timestamptz, @contact_before::timestamptz)
      AND (SELECT count(*) FROM subscriptions s WHERE s.user_id = u.id AND s.ended_at IS NULL) = 0
      AND (SELECT count(*) FROM payments y WHERE y.user_id = u.id AND y.sweep_at IS NOT NULL) = 0
      AND (SELECT count(*) FROM payments y WHERE y.user_id = u.id AND y.status = 'abandoned' AND y.recheck_at IS NOT NULL) = 0
      AND (SELECT count(*) FROM refunds r WHERE r.user_id = u.id AND r.status = 'pending') = 0
      AND (SELECT count(*) FROM receipts r WHERE r.user_id = u.id AND r.look_at IS NOT NULL) = 0
      AND (SELECT count(*) FROM saved_methods m WHERE m.user_id = u.id AND m.sweep_at IS NOT NULL) = 0
    FOR UPDATE OF u SKIP LOCKED),
names AS (
    UPDATE users u
    SET subject = CASE WHEN i.since < @subject_before THEN NULL ELSE u.subject END,
        display = CASE WHEN i.since < @display_before THEN NULL ELSE u.display END
    FROM idle i
    WHERE u.id = i.id AND (u.subject IS NOT NULL AND i.since < @subject_before OR u.display IS NOT NULL AND i.since < @display_before)
    RETURNING u.id),
contacts AS (
    UPDATE receipt_contacts c SET contact = NULL, contact_ct = NULL, contact_key_id = NULL
    FROM idle i
    WHERE c.user_id = i.id AND i.since < @contact_before AND num_nonnulls(c.contact, c.contact_ct) > 0
    RETURNING c.id)
SELECT (SELECT count(*) FROM page) AS users, coalesce((SELECT id::text FROM page ORDER BY id DESC LIMIT 1), '')::text AS last,
    (SELECT count(*) FROM names) AS names, (SELECT count(*) FROM contacts) AS contacts;

-- name: ExpireNotes :execrows
DELETE FROM user_notes n
WHERE (n.user_id, n.id) IN (SELECT o.user_id, o.id FROM user_notes o WHERE o.created_at < @before::timestamptz ORDER BY o.created_at LIMIT @take::int);
