-- name: PaymentSystemsNamed :many
-- For the array in a SELECT of its own see UsersSeen.
SELECT * FROM payment_systems WHERE code = ANY((SELECT @codes::text[])::text[]);

-- name: PaymentSystemAdd :exec
INSERT INTO payment_systems (code, name, created_at, archived_at)
VALUES (@code, @name, @created_at, @archived_at);

-- name: PaymentSystemSave :execrows
UPDATE payment_systems SET name = @name, archived_at = @archived_at WHERE code = @code;

-- name: PaymentSystems :many
SELECT * FROM payment_systems ORDER BY code COLLATE "C";
