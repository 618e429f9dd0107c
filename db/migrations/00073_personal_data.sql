-- Notes of operators on users, and the erasure of personal data: see ports.PersonalData. An
-- erased card has no last digits. An erased contact keeps its row, because receipts refer to
-- it. billing_api erases data after its keeping time. The previous version cannot decrypt an
-- erased contact, and treats it as missing.

-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE IF NOT EXISTS user_notes (
    user_id    uuid        NOT NULL CONSTRAINT user_notes_user REFERENCES users,
    id         uuid        NOT NULL, -- UUIDv7: grows with time
    text       text        NOT NULL,
    written_by text        NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE INDEX IF NOT EXISTS user_notes_created ON user_notes (created_at);
GRANT SELECT, INSERT ON user_notes TO billing_panel;
GRANT SELECT, DELETE ON user_notes TO billing_api;

-- survives: the previous version keeps the rule that was stricter
ALTER TABLE cards
    DROP CONSTRAINT IF EXISTS cards_last4,
    ADD CONSTRAINT cards_last4 CHECK (last4 ~ '^[0-9]{4}$' OR last4 = '' AND removed_at IS NOT NULL) NOT VALID;
-- survives: as above
ALTER TABLE receipt_contacts
    DROP CONSTRAINT IF EXISTS receipt_contacts_contact,
    ADD CONSTRAINT receipt_contacts_contact CHECK (num_nonnulls(contact, contact_ct) <= 1 AND (contact_ct IS NULL) = (contact_key_id IS NULL)) NOT VALID;
GRANT UPDATE (contact, contact_ct, contact_key_id) ON receipt_contacts TO billing_api;

-- +goose Down
REVOKE UPDATE (contact, contact_ct, contact_key_id) ON receipt_contacts FROM billing_api;
ALTER TABLE receipt_contacts
    DROP CONSTRAINT receipt_contacts_contact,
    ADD CONSTRAINT receipt_contacts_contact CHECK ((contact IS NULL) <> (contact_ct IS NULL) AND (contact_ct IS NULL) = (contact_key_id IS NULL)) NOT VALID;
ALTER TABLE cards
    DROP CONSTRAINT cards_last4,
    ADD CONSTRAINT cards_last4 CHECK (last4 ~ '^[0-9]{4}$') NOT VALID;
DROP TABLE user_notes;
