-- name: PanelFindUsers :many
-- Each part reads an index. The bounds of a part that does not apply select nothing.
WITH found AS (
    SELECT a.id FROM users a WHERE a.subject = @subject::text
    UNION
    SELECT b.id FROM (
        SELECT d.id FROM users d
        WHERE d.display IS NOT NULL AND @display::text <> ''
          AND lower(d.display) COLLATE "C" >= lower(@display) AND lower(d.display) COLLATE "C" < lower(@display) || chr(1114111)
        ORDER BY lower(d.display) COLLATE "C"
        LIMIT @take::int) AS b
    UNION
    SELECT e.id FROM (
        SELECT c.id FROM users c WHERE c.id BETWEEN @first_id::uuid AND @last_id::uuid
        ORDER BY c.id LIMIT @take::int) AS e)
SELECT u.*, (SELECT count(*) FROM subscriptions s
             WHERE s.user_id = u.id AND s.ended_at IS NULL AND s.status <> 'incomplete') AS live
FROM found f JOIN users u ON u.id = f.id
ORDER BY u.last_seen_at DESC, u.id
LIMIT @take;

-- name: PanelFindCards :many
-- With a time span, only users who paid by such a card within it. A viewer's payments have
-- two indexes: see ViewPayments.
WITH methods AS (
    SELECT c.user_id, m.id, c.brand || ' ' || lpad(c.exp_month::text, 2, '0') || '/' || c.exp_year AS card
    FROM cards c LEFT JOIN payment_methods m ON m.user_id = c.user_id AND m.card_id = c.id
    WHERE c.last4 = @last4::text
    UNION ALL
    SELECT s.user_id, s.method_id, s.brand FROM saved_methods s WHERE s.last4 = @last4 AND s.last4 <> ''
    LIMIT @scan::int),
users_found AS (
    SELECT k.user_id, array_agg(DISTINCT k.card ORDER BY k.card)::text[] AS cards
    FROM methods k
    WHERE NOT @dated::bool OR EXISTS (
        SELECT FROM payments p
        WHERE p.user_id = k.user_id AND p.payment_method_id = k.id AND p.status IN ('pending', 'succeeded')
          AND p.created_at >= @since::timestamptz AND p.created_at < @until::timestamptz
    ) OR EXISTS (
        SELECT FROM payments p
        WHERE p.user_id = k.user_id AND p.payment_method_id = k.id AND p.status IN ('declined', 'abandoned')
          AND p.created_at >= @since AND p.created_at < @until)
    GROUP BY k.user_id)
SELECT sqlc.embed(u), f.cards, (SELECT count(*) FROM subscriptions s
             WHERE s.user_id = u.id AND s.ended_at IS NULL AND s.status <> 'incomplete') AS live
FROM users_found f JOIN users u ON u.id = f.user_id
ORDER BY u.last_seen_at DESC, u.id
LIMIT @take::int;

-- name: PanelFindPayments :many
-- The payments with this id or this reference at the payment system, and those with such a
-- refund. The limits tell the planner that few are found, so that it looks them up by id.
WITH found AS (
    (SELECT a.user_id, a.id FROM payments a WHERE a.id = @id::uuid LIMIT @take::int)
    UNION
    (SELECT b.user_id, b.id FROM payments b WHERE b.provider_ref = @ref::text AND b.provider_ref <> '' LIMIT @take)
    UNION
    (SELECT c.user_id, c.payment_id FROM refunds c WHERE c.id = @id LIMIT @take)
    UNION
    (SELECT d.user_id, d.payment_id FROM refunds d WHERE d.provider_ref = @ref AND d.provider_ref <> '' LIMIT @take))
SELECT sqlc.embed(p), (SELECT pl.code FROM subscriptions s JOIN plans pl ON pl.id = s.plan_id
    WHERE s.user_id = p.user_id AND s.id = p.subscription_id)::text AS plan_code
FROM found f JOIN payments p ON p.user_id = f.user_id AND p.id = f.id
ORDER BY p.id DESC
LIMIT @take;

-- name: PanelFindPaymentsByEnd :many
-- Reads only the primary key, from one id up to another.
SELECT id FROM payments
WHERE id >= @first_id::uuid AND id < @before_id::uuid AND right(id::text, 8) = @ending::text
ORDER BY id DESC;
