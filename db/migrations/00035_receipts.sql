-- Fiscal receipts of payments and refunds, at payment systems that need them: see
-- billing.Receipt. A row is written together with its payment or refund, and holds all that
-- a repeated request needs. The previous version sends no receipts.
--
-- receipt_contacts has the e-mail addresses and phone numbers of viewers, encrypted as
-- payment tokens are. A contact is never changed; the newest one counts for new payments.

-- +goose Up
CREATE TABLE receipt_contacts (
    user_id        uuid        NOT NULL CONSTRAINT receipt_contacts_user REFERENCES users,
    id             uuid        NOT NULL,
    contact        text, -- only in an installation without a vault
    contact_ct     bytea,
    contact_key_id bigint,
    added_at       timestamptz NOT NULL DEFAULT statement_timestamp(), -- on the clock of this server
    PRIMARY KEY (user_id, id),
    CONSTRAINT receipt_contacts_contact CHECK ((contact IS NULL) <> (contact_ct IS NULL) AND (contact_ct IS NULL) = (contact_key_id IS NULL))
);

CREATE TABLE receipts (
    user_id        uuid        NOT NULL,
    id             uuid        NOT NULL, -- of the payment, or of the refund
    payment_id     uuid        NOT NULL,
    payment_system text        NOT NULL,
    contact_id     uuid        NOT NULL,
    item           text        NOT NULL,
    vat            text        NOT NULL,
    mode           text        NOT NULL,
    tax_system     smallint    NOT NULL,
    status         text        NOT NULL CONSTRAINT receipts_status CHECK (status IN ('pending', 'registered', 'failed', 'void')),
    created_at     timestamptz NOT NULL,
    settled_at     timestamptz,
    -- On the clock of this server. A pending receipt is looked up at look_at.
    added_at       timestamptz NOT NULL DEFAULT statement_timestamp(),
    look_at        timestamptz DEFAULT statement_timestamp() + interval '1 minute',
    PRIMARY KEY (user_id, id),
    CONSTRAINT receipts_payment FOREIGN KEY (user_id, payment_id) REFERENCES payments (user_id, id),
    CONSTRAINT receipts_contact FOREIGN KEY (user_id, contact_id) REFERENCES receipt_contacts (user_id, id),
    CONSTRAINT receipts_settled CHECK ((status = 'pending') = (settled_at IS NULL) AND (status = 'pending') = (look_at IS NOT NULL))
);
CREATE INDEX receipts_of_payment ON receipts (user_id, payment_id);
CREATE INDEX receipts_to_look_up ON receipts (look_at) WHERE look_at IS NOT NULL;

GRANT SELECT, INSERT ON receipt_contacts TO billing_api;
GRANT SELECT ON receipt_contacts TO billing_renew;
GRANT SELECT, INSERT ON receipts TO billing_api, billing_renew;
GRANT UPDATE (status, settled_at, look_at) ON receipts TO billing_api;
GRANT SELECT ON receipts TO billing_panel;

-- +goose Down
DROP TABLE receipts, receipt_contacts;
