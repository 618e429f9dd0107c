-- The decisions of operators to end a plan for all its subscribers: see billing.PlanEnding.
-- The panel or the owner stores one together with plans.ending_at. The API cancels the live
-- subscriptions in the order of the users, and moves after_user.

-- +goose Up
CREATE TABLE plan_endings (
    plan_id    uuid        NOT NULL CONSTRAINT plan_endings_plan REFERENCES plans (id),
    started_at timestamptz NOT NULL,
    author     text        NOT NULL CONSTRAINT plan_endings_author CHECK (author <> ''),
    reason     text        NOT NULL CONSTRAINT plan_endings_reason CHECK (reason <> ''),
    origin     text        NOT NULL,
    viewers    int         NOT NULL, -- that the author confirmed
    after_user uuid        NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    cancelled  int         NOT NULL DEFAULT 0,
    ended      int         NOT NULL DEFAULT 0,
    failed     int         NOT NULL DEFAULT 0,
    done_at    timestamptz,
    PRIMARY KEY (plan_id, started_at)
);
CREATE INDEX plan_endings_open ON plan_endings (started_at, plan_id) WHERE done_at IS NULL;

-- A plan that is ending is archived, and has the decision to end it. Restoring clears both
-- times.
ALTER TABLE plans
    ADD COLUMN ending_at timestamptz,
    ADD CONSTRAINT plans_ending_archived CHECK (ending_at IS NULL OR archived_at IS NOT NULL) NOT VALID,
    ADD CONSTRAINT plans_ending FOREIGN KEY (id, ending_at) REFERENCES plan_endings (plan_id, started_at) NOT VALID;

-- An ending begins without progress, and is final when it is done. The panel's programs store
-- endings of signed-in editors only.
-- +goose StatementBegin
CREATE FUNCTION plan_endings_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    editor boolean;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.done_at IS NOT NULL OR TG_OP = 'INSERT' AND (NEW.done_at IS NOT NULL
        OR (NEW.after_user, NEW.cancelled, NEW.ended, NEW.failed) <> ('00000000-0000-0000-0000-000000000000'::uuid, 0, 0, 0)) THEN
        RAISE check_violation USING MESSAGE = format('the ending of plan %s is done once', NEW.plan_id), CONSTRAINT = 'plan_endings_once';
    END IF;
    IF TG_OP = 'UPDATE' OR pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
        RETURN NEW;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %1$I.panel_sessions s JOIN %1$I.panel_users u ON u.id = s.user_id
        WHERE u.name = $1 AND u.role = ''editor'' AND u.disabled_at IS NULL)', TG_TABLE_SCHEMA) INTO editor USING NEW.author;
    IF NOT editor THEN
        RAISE insufficient_privilege USING MESSAGE = format('%s is not signed in as an editor, so plan %s cannot be ended', NEW.author, NEW.plan_id);
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER plan_endings_guard BEFORE INSERT OR UPDATE ON plan_endings FOR EACH ROW EXECUTE FUNCTION plan_endings_guard();

GRANT SELECT, INSERT ON plan_endings TO billing_panel;
GRANT SELECT, UPDATE (after_user, cancelled, ended, failed, done_at) ON plan_endings TO billing_api;

-- +goose Down
ALTER TABLE plans DROP COLUMN ending_at;
DROP TABLE plan_endings;
DROP FUNCTION plan_endings_guard();
