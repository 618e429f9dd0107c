-- name: PaymentByID :one
SELECT * FROM payments WHERE id = @id;

-- name: EventsOfPayment :many
SELECT * FROM events WHERE user_id = @user_id AND payment_id = @payment_id ORDER BY at, id;

-- name: PaymentsByID :many
SELECT sqlc.embed(p), s.price_amount, s.price_currency, s.payment_method_id AS agreed_method, s.payment_system AS agreed_system
FROM payments p
JOIN subscriptions s ON s.user_id = p.user_id AND s.id = p.subscription_id
WHERE p.payment_system = @payment_system AND p.id = ANY(@ids::uuid[]);

-- name: PaymentsOfSystem :many
-- The columns are those of PaymentsByID, so that both share a Go mapping.
SELECT sqlc.embed(p), s.price_amount, s.price_currency, s.payment_method_id AS agreed_method, s.payment_system AS agreed_system
FROM payments p
JOIN subscriptions s ON s.user_id = p.user_id AND s.id = p.subscription_id
WHERE p.payment_system = @payment_system
  AND p.status IN ('pending', 'succeeded')
  AND (p.id, p.user_id) > (@after_id::uuid, @after_user::uuid)
ORDER BY p.id, p.user_id
LIMIT 1000;
