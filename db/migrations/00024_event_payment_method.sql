-- The payment method that an event concerns. It has no foreign key, because Postgres
-- would check the whole history under a lock.

-- +goose Up
ALTER TABLE events ADD COLUMN payment_method_id uuid;

-- +goose Down
ALTER TABLE events DROP COLUMN payment_method_id;
