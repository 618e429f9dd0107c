-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE subscriptions VALIDATE CONSTRAINT subscriptions_schedule;
ALTER TABLE subscriptions VALIDATE CONSTRAINT subscriptions_given;
ALTER TABLE instructions VALIDATE CONSTRAINT instructions_kind;
ALTER TABLE instructions VALIDATE CONSTRAINT instructions_days;

-- +goose Down
SELECT 1;
