-- +goose Up
-- A run that gave up a payment system used to be recognized by the text of its error.
ALTER TABLE renewal_runs ADD COLUMN gave_up boolean NOT NULL DEFAULT false;
UPDATE renewal_runs SET gave_up = true WHERE error LIKE '%gave up on a payment system%';

-- +goose Down
ALTER TABLE renewal_runs DROP COLUMN gave_up;
