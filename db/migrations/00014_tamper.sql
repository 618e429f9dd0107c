-- This takes away rights that no query uses. billing_app keeps the rights of its two roles, column
-- by column.

-- +goose Up

-- survives: billing_app is a member of billing_api and billing_renew, and the previous
-- version updates no other columns than theirs
REVOKE UPDATE ON users, payment_methods, subscriptions, payments, cards FROM billing_app;

-- The panel's programs may only change the language, and the counts of wrong passwords,
-- of a panel user. The previous version writes the other columns too, with the values
-- that they have, so a trigger compares them. A later version can replace it by rights
-- for the three columns.
-- +goose StatementBegin
CREATE FUNCTION panel_users_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

CREATE TRIGGER panel_users_guard BEFORE UPDATE ON panel_users FOR EACH ROW EXECUTE FUNCTION panel_users_guard();

-- The panel's programs may only write audit entries of operators who are signed in, and
-- of failed sign-ins. The session is added before the entry of its sign-in. Logins of the
-- older role billing_app, such as one of billingctl, write entries as before.
-- +goose StatementBegin
CREATE FUNCTION panel_audit_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    signed_in boolean;
BEGIN
    IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
        OR NOT pg_has_role('billing_panel', 'USAGE')
        OR NEW.operator = 'anonymous' AND NEW.action IN ('panel_user.sign_in_failed', 'panel_user.lock_out') THEN
        RETURN NEW;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %1$I.panel_sessions s JOIN %1$I.panel_users u ON u.id = s.user_id
        WHERE u.name = $1 AND u.disabled_at IS NULL)', TG_TABLE_SCHEMA) INTO signed_in USING NEW.operator;
    IF NOT signed_in THEN
        RAISE insufficient_privilege USING MESSAGE = format('%s is not signed in, so no entry of panel_audit can have that operator', NEW.operator);
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER panel_audit_guard BEFORE INSERT ON panel_audit FOR EACH ROW EXECUTE FUNCTION panel_audit_guard();

-- +goose Down
DROP TRIGGER panel_audit_guard ON panel_audit;
DROP FUNCTION panel_audit_guard();
DROP TRIGGER panel_users_guard ON panel_users;
DROP FUNCTION panel_users_guard();
GRANT UPDATE ON users, payment_methods, subscriptions, payments, cards TO billing_app;
