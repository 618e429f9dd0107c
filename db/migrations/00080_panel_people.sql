-- This adds second factors and temporary passwords. Editors manage the people of the
-- panel, so the panel's programs may write their accounts.

-- +goose Up
ALTER TABLE panel_users
    ADD COLUMN password_temporary boolean NOT NULL DEFAULT false, -- another person knows the password
    ADD COLUMN totp_key_ct     bytea,       -- key of the authenticator app; NULL without a second factor
    ADD COLUMN totp_key_id     bigint,      -- key that encrypted it
    ADD COLUMN totp_since      timestamptz,
    ADD COLUMN totp_last_step  bigint  NOT NULL DEFAULT 0, -- time step of the last code that was used
    ADD COLUMN recovery_hashes bytea[] NOT NULL DEFAULT '{}'; -- of the recovery codes that were not used
ALTER TABLE panel_users ADD CONSTRAINT panel_users_totp_whole
    CHECK ((totp_key_ct IS NULL) = (totp_since IS NULL) AND (totp_key_ct IS NULL) = (totp_key_id IS NULL)) NOT VALID;

-- The panel's programs may change the language, the counts of wrong passwords, and the
-- marks of used codes. They may add a user, or change the role, password, state or
-- second factor of one, only together with an audit entry about that user. The entry's
-- operator must be another person and an editor. For the password and the second factor
-- it may be the user. The guard of panel_audit requires that the operator is signed in.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION panel_users_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    own       boolean := false; -- the user may make the change
    audited   boolean;
    hour_ago  uuid := (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint - 3600000), 12, '0') || repeat('0', 20))::uuid;
BEGIN
    IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.name, NEW.created_at) IS DISTINCT FROM (OLD.id, OLD.name, OLD.created_at) THEN
            RAISE insufficient_privilege USING MESSAGE = 'only the owner of panel_users may change the name of a panel user';
        END IF;
        IF NEW.totp_key_ct IS NOT DISTINCT FROM OLD.totp_key_ct AND NEW.totp_last_step < OLD.totp_last_step THEN
            RAISE insufficient_privilege USING MESSAGE = 'a code of a second factor cannot become valid again';
        END IF;
        IF (NEW.role, NEW.password_hash, NEW.password_temporary, NEW.disabled_at, NEW.totp_key_ct, NEW.totp_key_id, NEW.totp_since)
            IS NOT DISTINCT FROM
            (OLD.role, OLD.password_hash, OLD.password_temporary, OLD.disabled_at, OLD.totp_key_ct, OLD.totp_key_id, OLD.totp_since) THEN
            RETURN NEW;
        END IF;
        own := NEW.role = OLD.role AND NEW.disabled_at IS NOT DISTINCT FROM OLD.disabled_at;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %1$I.panel_audit a JOIN %1$I.panel_users u ON u.name = a.operator
        WHERE a.id > $1 AND a.xmin = pg_current_xact_id()::xid AND a.object = $2
          AND a.action LIKE ''panel\_user.%%'' AND a.action NOT LIKE ''panel\_user.sign\_in%%''
          AND u.disabled_at IS NULL AND (u.name <> $2 AND u.role = ''editor'' OR u.name = $2 AND $3))', TG_TABLE_SCHEMA)
        INTO audited USING hour_ago, NEW.name, own;
    IF NOT audited THEN
        RAISE insufficient_privilege USING MESSAGE = 'a change of a panel user needs an entry of panel_audit before it, by another editor or for one''s own password or second factor';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER panel_users_add_guard BEFORE INSERT ON panel_users FOR EACH ROW EXECUTE FUNCTION panel_users_guard();
GRANT INSERT ON panel_users TO billing_panel;

-- +goose Down
REVOKE INSERT ON panel_users FROM billing_panel;
DROP TRIGGER panel_users_add_guard ON panel_users;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION panel_users_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.id, NEW.name, NEW.role, NEW.password_hash, NEW.created_at, NEW.disabled_at)
        IS DISTINCT FROM (OLD.id, OLD.name, OLD.role, OLD.password_hash, OLD.created_at, OLD.disabled_at)
        AND NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = 'only the owner of panel_users may change the name, role or password of a panel user';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
ALTER TABLE panel_users
    DROP COLUMN password_temporary, DROP COLUMN totp_key_ct, DROP COLUMN totp_key_id, DROP COLUMN totp_since,
    DROP COLUMN totp_last_step, DROP COLUMN recovery_hashes;
