-- The statements of this migration before the simulator had its own set. It
-- created the schema simulator.

-- +goose Up

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

CREATE TABLE simulator.requests (
    key          text PRIMARY KEY,
    fingerprint  bytea NOT NULL,
    token        bytea NOT NULL,
    amount       bigint NOT NULL,
    currency     text NOT NULL,
    status       text NOT NULL CHECK (status IN ('pending', 'succeeded', 'declined')),
    decline_code text NOT NULL DEFAULT '' CHECK ((decline_code <> '') = (status = 'declined')),
    ref          text NOT NULL UNIQUE,
    action       text UNIQUE,
    expires_at   timestamptz,
    created_at   timestamptz NOT NULL,
    CHECK ((action IS NULL) = (expires_at IS NULL))
);

CREATE TABLE simulator.tokens (
    hash      bytea PRIMARY KEY,
    charges   bigint NOT NULL,
    confirmed boolean NOT NULL DEFAULT false
);

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
GRANT SELECT, INSERT ON simulator.charges TO billing_simulator;

-- +goose Down

DROP SCHEMA simulator CASCADE;
