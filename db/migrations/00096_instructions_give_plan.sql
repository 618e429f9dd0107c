-- Instructions to give a plan to a viewer without a live subscription: their target is the plan.

-- +goose NO TRANSACTION
-- +goose Up
-- survives: the constraints are only wider than before
ALTER TABLE instructions
    DROP CONSTRAINT IF EXISTS instructions_kind,
    ADD CONSTRAINT instructions_kind
        CHECK (kind IN ('cancel', 'cancel_now', 'resume', 'retry', 'give', 'give_plan', 'refund', 'settle', 'unlink')) NOT VALID,
    DROP CONSTRAINT IF EXISTS instructions_days,
    ADD CONSTRAINT instructions_days CHECK (days BETWEEN 0 AND 366 AND (kind IN ('give', 'give_plan') OR days = 0)) NOT VALID;

-- +goose Down
ALTER TABLE instructions
    DROP CONSTRAINT instructions_days,
    ADD CONSTRAINT instructions_days CHECK (days BETWEEN 0 AND 366 AND (kind = 'give' OR days = 0)),
    DROP CONSTRAINT instructions_kind,
    ADD CONSTRAINT instructions_kind
        CHECK (kind IN ('cancel', 'cancel_now', 'resume', 'retry', 'give', 'refund', 'settle', 'unlink'));
