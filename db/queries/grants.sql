-- name: GrantAdd :exec
INSERT INTO grants (user_id, id, subscription_id, period_start, period_end, source, given_by, reason, created_at)
VALUES (@user_id, @id, @subscription_id, @period_start, @period_end, @source, @given_by, @reason, @created_at);

-- name: GrantsOf :many
SELECT * FROM grants WHERE user_id = @user_id ORDER BY period_start, id;

-- name: SubscriptionOwner :many
-- It reads the whole table: an index on the id would have to be written by each renewal.
SELECT user_id FROM subscriptions WHERE id = @id;
