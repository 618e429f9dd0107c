-- Only an open decision ends a plan. Without this rule the panel's role could end a restored
-- plan again by an earlier decision, and no editor would have to be signed in.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION plans_ending_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    decided boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.plan_endings WHERE plan_id = $1 AND started_at = $2 AND done_at IS NULL)', TG_TABLE_SCHEMA)
        INTO decided USING NEW.id, NEW.ending_at;
    IF NOT decided THEN
        RAISE check_violation USING MESSAGE = format('plan %s has no open decision to end it', NEW.code), CONSTRAINT = 'plans_ending_open';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER plans_ending_guard BEFORE UPDATE ON plans FOR EACH ROW
    WHEN (NEW.ending_at IS NOT NULL AND NEW.ending_at IS DISTINCT FROM OLD.ending_at) EXECUTE FUNCTION plans_ending_guard();

-- +goose Down
DROP TRIGGER plans_ending_guard ON plans;
DROP FUNCTION plans_ending_guard();
