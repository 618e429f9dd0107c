-- +goose Up
-- A run that gave up a payment system used to be recognized by the text of its error. Runs
-- of before keep false.
ALTER TABLE renewal_runs ADD COLUMN gave_up boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE renewal_runs DROP COLUMN gave_up;
