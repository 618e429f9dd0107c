-- name: PaymentSystemForUpdate :one
SELECT * FROM payment_systems WHERE code = @code FOR NO KEY UPDATE;

-- name: PaymentSystemAdd :exec
INSERT INTO payment_systems (code, name, created_at, archived_at)
VALUES (@code, @name, @created_at, @archived_at);

-- name: PaymentSystemSave :execrows
UPDATE payment_systems SET name = @name, archived_at = @archived_at WHERE code = @code;

-- name: PaymentSystemRemove :execrows
DELETE FROM payment_systems WHERE code = @code;
