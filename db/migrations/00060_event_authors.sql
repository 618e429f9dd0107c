-- The authors of events: operators with their reasons. They have a table of their own, because
-- viewers and services read the history, and must not see the operators.

-- +goose Up
CREATE TABLE event_authors (
    user_id        uuid NOT NULL,
    event_id       uuid NOT NULL,
    author         text NOT NULL CONSTRAINT event_authors_author CHECK (author <> ''),
    reason         text NOT NULL CONSTRAINT event_authors_reason CHECK (reason <> ''),
    instruction_id uuid, -- NULL if the operator acted at a command line
    PRIMARY KEY (user_id, event_id)
);
GRANT INSERT ON event_authors TO billing_api;
GRANT SELECT ON event_authors TO billing_panel;

-- +goose Down
DROP TABLE event_authors;
