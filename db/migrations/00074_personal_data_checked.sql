-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE cards VALIDATE CONSTRAINT cards_last4;
ALTER TABLE receipt_contacts VALIDATE CONSTRAINT receipt_contacts_contact;

-- +goose Down
SELECT 1;
