-- name: PaymentSystemsNamed :many
SELECT * FROM payment_systems WHERE code = ANY(@codes::text[]);

-- name: PaymentSystemAdd :exec
INSERT INTO payment_systems (code, name, created_at, archived_at)
VALUES (@code, @name, @created_at, @archived_at);

-- name: PaymentSystemSave :execrows
UPDATE payment_systems SET name = @name, archived_at = @archived_at WHERE code = @code;

-- name: PaymentSystems :many
SELECT * FROM payment_systems ORDER BY code COLLATE "C";
