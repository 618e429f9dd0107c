-- The imitated payment system's own books. They live in this database for
-- convenience only: a foreign system keeps them, the role billing_app can
-- neither read nor write them, and no key leads from here to our tables.

-- +goose Up

-- Roles belong to the whole cluster, and other databases of it may be migrating
-- at this moment. A login that may not make roles finds them made for it.
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

CREATE SCHEMA simulator;
GRANT USAGE ON SCHEMA simulator TO billing_simulator;

-- One row per idempotency key: what was asked, and the first outcome.
CREATE TABLE simulator.requests (
    key          text PRIMARY KEY,
    fingerprint  bytea NOT NULL, -- of all that was asked
    token        bytea NOT NULL, -- SHA-256
    amount       bigint NOT NULL,
    currency     text NOT NULL,
    status       text NOT NULL CHECK (status IN ('pending', 'succeeded', 'declined')),
    decline_code text NOT NULL DEFAULT '' CHECK ((decline_code <> '') = (status = 'declined')),
    ref          text NOT NULL UNIQUE,
    action       text UNIQUE, -- names the page on which the viewer confirms it
    expires_at   timestamptz, -- until when
    created_at   timestamptz NOT NULL,
    CHECK ((action IS NULL) = (expires_at IS NULL))
);

-- What the tokens need whose answers depend on what went before.
CREATE TABLE simulator.tokens (
    hash      bytea PRIMARY KEY, -- SHA-256
    charges   bigint NOT NULL,
    confirmed boolean NOT NULL DEFAULT false
);

-- The ledger: one row for each time that money moved. A key that was charged
-- twice is here twice, so nothing is unique but the row.
CREATE TABLE simulator.charges (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key      text NOT NULL,
    ref      text NOT NULL,
    amount   bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL,
    at       timestamptz NOT NULL
);
CREATE INDEX charges_key ON simulator.charges (key);
CREATE INDEX charges_at ON simulator.charges (at);

GRANT SELECT, INSERT, UPDATE ON simulator.requests, simulator.tokens TO billing_simulator;
GRANT SELECT, INSERT ON simulator.charges TO billing_simulator; -- books are never rewritten

-- +goose Down

-- The role stays: other databases of the cluster may use it.
DROP SCHEMA simulator CASCADE;
