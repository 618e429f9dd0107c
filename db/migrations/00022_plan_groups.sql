-- The group of a plan: a viewer has at most one live subscription to the plans of a
-- group. A subscription repeats it for a unique index. It is NULL in rows of the
-- previous version, so queries use the group of the plan. No role may update it in
-- subscriptions: billingctl does, which works as the owner.
--
-- A transaction that locked both tables could meet a query that uses them in the other
-- order, and one of the two would fail.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE plans ADD COLUMN IF NOT EXISTS plan_group text NOT NULL DEFAULT 'main';
ALTER TABLE subscriptions ADD COLUMN IF NOT EXISTS plan_group text;

-- +goose Down
ALTER TABLE subscriptions DROP COLUMN plan_group;
ALTER TABLE plans DROP COLUMN plan_group;
