-- This validates the constraint of second factors, which reads the table without
-- locking it.

-- +goose Up
ALTER TABLE panel_users VALIDATE CONSTRAINT panel_users_totp_whole;

-- +goose Down
SELECT 1;
