-- The role support of panel users: it helps viewers, and does not change the catalogue.

-- +goose Up

-- survives: the previous version adds no user with the new role, and shows such a user no page
ALTER TABLE panel_users
    DROP CONSTRAINT panel_users_role,
    ADD CONSTRAINT panel_users_role CHECK (role IN ('viewer', 'support', 'editor')) NOT VALID;

-- +goose Down
ALTER TABLE panel_users
    DROP CONSTRAINT panel_users_role,
    ADD CONSTRAINT panel_users_role CHECK (role IN ('viewer', 'editor')) NOT VALID;
