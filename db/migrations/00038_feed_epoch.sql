-- The feed delivers all events in the order of events.xact, which the next migration adds. That
-- number only grows within an epoch. Transaction ids start again in another
-- cluster, so a new epoch begins when the database was moved there: the epoch is the upper
-- part of the number, and later epochs follow earlier ones.

-- +goose Up
CREATE TABLE feed_epoch (
    single  boolean PRIMARY KEY CHECK (single), -- the table has one row
    epoch   bigint  NOT NULL,
    cluster bigint  NOT NULL                    -- its system_identifier, at the beginning of the epoch
);
INSERT INTO feed_epoch VALUES (true, 0, 0);
GRANT SELECT ON feed_epoch TO billing_api;

-- Begins a new epoch. billingctl migrate up calls it in a new cluster. Call it by hand after
-- a return to a snapshot of the disk, which Postgres does not notice.
--
-- The number of an event is not below the id of its transaction, so that every event below
-- the oldest running transaction is visible. It is also not below any transaction that had
-- ended before the event was written. Thus events of one viewer, whose transactions wait for
-- each other, have their numbers in the order of writing. The functions of xid8 need casts by
-- way of text, which take three times as long as these.
-- +goose StatementBegin
CREATE FUNCTION feed_new_epoch() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    started bigint;
BEGIN
    UPDATE feed_epoch SET epoch = epoch + 1, cluster = (SELECT system_identifier FROM pg_control_system())
    RETURNING epoch INTO started;
    EXECUTE format('ALTER TABLE events ALTER COLUMN xact SET DEFAULT %s::bigint
        + greatest(txid_current(), txid_snapshot_xmax(txid_current_snapshot()) - 1)', started << 48);
END
$$;
-- +goose StatementEnd
REVOKE EXECUTE ON FUNCTION feed_new_epoch() FROM PUBLIC;

-- +goose Down
DROP FUNCTION feed_new_epoch();
DROP TABLE feed_epoch;
