-- name: MethodAdd :exec
INSERT INTO payment_methods (user_id, id, payment_system, token, created_at)
VALUES (@user_id, @id, @payment_system, @token, @created_at)
ON CONFLICT ON CONSTRAINT payment_methods_token_once DO NOTHING;

-- name: MethodByToken :one
SELECT * FROM payment_methods
WHERE user_id = @user_id AND payment_system = @payment_system AND token = @token;

-- name: Method :one
SELECT * FROM payment_methods WHERE user_id = @user_id AND id = @id;
