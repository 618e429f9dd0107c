-- The API gives time and writes audit entries. An entry needs an open instruction of its
-- operator.

-- +goose Up
GRANT INSERT ON grants TO billing_api;
GRANT INSERT ON panel_audit TO billing_api;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION panel_audit_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known boolean := false;
BEGIN
    IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
        OR pg_has_role('billing_app', 'USAGE') AND NOT pg_has_role('billing_panel', 'USAGE') THEN
        RETURN NEW;
    END IF;
    IF pg_has_role('billing_panel', 'USAGE') THEN
        IF NEW.operator = 'anonymous' AND NEW.action IN ('panel_user.sign_in_failed', 'panel_user.lock_out') THEN
            RETURN NEW;
        END IF;
        EXECUTE format('SELECT EXISTS (SELECT FROM %1$I.panel_sessions s JOIN %1$I.panel_users u ON u.id = s.user_id
            WHERE u.name = $1 AND u.disabled_at IS NULL)', TG_TABLE_SCHEMA) INTO known USING NEW.operator;
    END IF;
    IF NOT known AND pg_has_role('billing_api', 'USAGE') THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %1$I.instructions WHERE author = $1 AND state = ''open'')', TG_TABLE_SCHEMA)
            INTO known USING NEW.operator;
    END IF;
    IF NOT known THEN
        RAISE insufficient_privilege USING MESSAGE = format('%s is not signed in and has no open instruction, so no entry of panel_audit can have that operator', NEW.operator);
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

-- +goose Down
REVOKE INSERT ON grants, panel_audit FROM billing_api;
