-- name: CardByFingerprint :one
SELECT * FROM cards WHERE user_id = @user_id AND fingerprint = @fingerprint FOR NO KEY UPDATE;

-- name: CardForShare :one
SELECT * FROM cards WHERE user_id = @user_id AND id = @id FOR SHARE;

-- name: CardForUpdate :one
SELECT * FROM cards WHERE user_id = @user_id AND id = @id FOR NO KEY UPDATE;

-- name: CardAdd :exec
INSERT INTO cards (user_id, id, brand, last4, exp_month, exp_year, holder, number_ct, key_id, fingerprint, created_at, removed_at)
VALUES (@user_id, @id, @brand, @last4, @exp_month, @exp_year, @holder, @number_ct, @key_id, @fingerprint, @created_at, @removed_at);

-- name: CardSave :execrows
UPDATE cards
SET exp_month = @exp_month, exp_year = @exp_year, holder = @holder, removed_at = @removed_at,
    number_ct = CASE WHEN @removed_at::timestamptz IS NULL THEN number_ct END,
    key_id = CASE WHEN @removed_at::timestamptz IS NULL THEN key_id END,
    fingerprint = CASE WHEN @removed_at::timestamptz IS NULL THEN fingerprint END
WHERE user_id = @user_id AND id = @id;

-- name: CardsAdded :many
SELECT created_at FROM cards
WHERE user_id = @user_id AND created_at > @since::timestamptz
ORDER BY created_at DESC
LIMIT @take::int;

-- name: MethodsLinked :many
SELECT created_at FROM payment_methods
WHERE user_id = @user_id AND card_id IS NULL AND created_at > @since::timestamptz
ORDER BY created_at DESC
LIMIT @take::int;

-- name: CardsDeclined :many
SELECT created_at FROM payments
WHERE user_id = @user_id AND initiator = 'customer' AND created_at > @since::timestamptz
  AND status IN ('declined', 'pending')
ORDER BY created_at DESC
LIMIT @take::int;
