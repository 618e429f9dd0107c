-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE subscriptions VALIDATE CONSTRAINT subscriptions_schedule;

-- +goose Down
SELECT 1;
