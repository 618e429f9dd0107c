-- Finds the events that follow a place in the feed. Events are written in about this order,
-- so a BRIN index is small, and costs little for each event. billingctl migrate up creates
-- the index of each existing partition, because no statement of SQL creates all of them
-- without blocking writes: see feed_index.go. Later partitions get theirs with the partition.

-- +goose Up
-- survives: ONLY reads no rows
CREATE INDEX events_feed ON ONLY events USING brin (xact, id) WITH (pages_per_range = 32, autosummarize = on);

-- +goose Down
DROP INDEX events_feed;
