-- The simulated payment system's own tables. They live in the service's database
-- for convenience only: a real payment system keeps its own. The service's roles
-- can neither read nor write them, and no foreign key connects them to the
-- service's tables.
--
-- The service's migration 2 used to create this schema. This migration creates
-- only objects that are missing, so a database of that time keeps its rows. It
-- locks no existing table.

-- +goose Up

-- Roles belong to the whole cluster, and other databases of it may be migrating
-- at this moment. A login that may not create roles needs them created beforehand.
-- +goose StatementBegin
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'billing_simulator') THEN
        BEGIN
            CREATE ROLE billing_simulator NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
    BEGIN
        GRANT billing_simulator TO CURRENT_USER;
    EXCEPTION
        WHEN unique_violation THEN
            NULL;
        WHEN insufficient_privilege THEN
            IF NOT pg_has_role('billing_simulator', 'MEMBER') THEN
                RAISE;
            END IF;
    END;
END
$$;
-- +goose StatementEnd

-- The schema exists already, because it holds the table that records this migration.
-- A program that uses the simulator reads that table before it reports ready.
GRANT USAGE ON SCHEMA simulator TO billing_simulator;
GRANT SELECT ON simulator.schema_migrations TO billing_simulator;

-- One row per idempotency key: the request and its first outcome.
CREATE TABLE IF NOT EXISTS simulator.requests (
    key          text PRIMARY KEY,
    fingerprint  bytea NOT NULL, -- of the whole request
    token        bytea NOT NULL, -- SHA-256
    amount       bigint NOT NULL,
    currency     text NOT NULL,
    status       text NOT NULL CHECK (status IN ('pending', 'succeeded', 'declined')),
    decline_code text NOT NULL DEFAULT '' CHECK ((decline_code <> '') = (status = 'declined')),
    ref          text NOT NULL UNIQUE,
    action       text UNIQUE, -- identifies the page on which the viewer confirms the payment
    expires_at   timestamptz, -- end of the time for that confirmation
    created_at   timestamptz NOT NULL,
    CHECK ((action IS NULL) = (expires_at IS NULL))
);

-- The history of tokens whose responses depend on earlier charges.
CREATE TABLE IF NOT EXISTS simulator.tokens (
    hash      bytea PRIMARY KEY, -- SHA-256
    charges   bigint NOT NULL,
    confirmed boolean NOT NULL DEFAULT false
);

-- The ledger: one row for each time that money moved. A key that was charged
-- twice has two rows, so only the id is unique.
CREATE TABLE IF NOT EXISTS simulator.charges (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key      text NOT NULL,
    ref      text NOT NULL,
    amount   bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL,
    at       timestamptz NOT NULL
);

-- CREATE INDEX IF NOT EXISTS would lock the table even if the index exists.
-- +goose StatementBegin
DO $$
BEGIN
    IF to_regclass('simulator.charges_key') IS NULL THEN
        CREATE INDEX charges_key ON simulator.charges (key);
    END IF;
    IF to_regclass('simulator.charges_at') IS NULL THEN
        CREATE INDEX charges_at ON simulator.charges (at);
    END IF;
END
$$;
-- +goose StatementEnd

GRANT SELECT, INSERT, UPDATE ON simulator.requests, simulator.tokens TO billing_simulator;
GRANT SELECT, INSERT ON simulator.charges TO billing_simulator; -- a ledger is never rewritten

-- +goose Down

-- The schema stays because it holds the table that records this migration. The
-- role stays because other databases of the cluster may use it.
DROP TABLE simulator.charges, simulator.tokens, simulator.requests;
