-- This validates the constraints of ending plans, which reads the table without blocking it.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE plans VALIDATE CONSTRAINT plans_ending_archived;
ALTER TABLE plans VALIDATE CONSTRAINT plans_ending;

-- +goose Down
SELECT 1;
