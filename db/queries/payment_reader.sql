-- name: PaymentByID :one
SELECT * FROM payments WHERE id = @id;

-- name: EventsOfPayment :many
SELECT * FROM events WHERE user_id = @user_id AND payment_id = @payment_id ORDER BY at, id;

-- name: PaymentsByID :many
SELECT * FROM payments WHERE payment_system = @payment_system AND id = ANY(@ids::uuid[]);

-- name: PaymentsOfSystem :many
SELECT * FROM payments
WHERE payment_system = @payment_system
  AND status IN ('pending', 'succeeded')
  AND (id, user_id) > (@after_id::uuid, @after_user::uuid)
ORDER BY id, user_id
LIMIT 1000;
