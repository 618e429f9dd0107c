-- Instructions of operators: see billing.Instruction. The panel stores them and the decisions
-- about them. The API executes them, each in one transaction with its outcome.

-- +goose Up
ALTER TABLE panel_users VALIDATE CONSTRAINT panel_users_role;

CREATE TABLE instructions (
    user_id     uuid        NOT NULL,
    id          uuid        NOT NULL, -- also the id of the refund or the grant
    kind        text        NOT NULL CONSTRAINT instructions_kind
        CHECK (kind IN ('cancel', 'cancel_now', 'resume', 'retry', 'give', 'refund', 'settle', 'unlink')),
    target      uuid        NOT NULL,
    days        int         NOT NULL,
    amount      bigint      NOT NULL,
    currency    text        NOT NULL,
    end_now     boolean     NOT NULL,
    settle_as   text        NOT NULL,
    reason      text        NOT NULL CONSTRAINT instructions_reason CHECK (reason <> ''),
    author      text        NOT NULL CONSTRAINT instructions_author CHECK (author <> ''),
    author_role text        NOT NULL CONSTRAINT instructions_author_role CHECK (author_role IN ('support', 'editor')),
    origin      text        NOT NULL,
    decided_by  text        NOT NULL CONSTRAINT instructions_second_person CHECK (decided_by <> author),
    state       text        NOT NULL CONSTRAINT instructions_state
        CHECK (state IN ('waiting_for_approval', 'open', 'done', 'refused', 'rejected')),
    fault_code  text        NOT NULL,
    outcome     text        NOT NULL,
    created_at  timestamptz NOT NULL,
    decided_at  timestamptz,
    done_at     timestamptz,
    PRIMARY KEY (user_id, id),
    CONSTRAINT instructions_days CHECK (days BETWEEN 0 AND 366 AND (kind = 'give' OR days = 0)),
    CONSTRAINT instructions_amount CHECK ((kind = 'refund') = (amount > 0) AND (kind = 'refund') = (currency <> '') AND (kind = 'refund' OR NOT end_now)),
    CONSTRAINT instructions_settle_as CHECK ((kind = 'settle') = (settle_as <> '')),
    CONSTRAINT instructions_decided CHECK ((decided_by <> '') = (decided_at IS NOT NULL)),
    CONSTRAINT instructions_rejected CHECK (state <> 'rejected' OR decided_by <> ''),
    CONSTRAINT instructions_done CHECK ((state IN ('done', 'refused')) = (done_at IS NOT NULL)),
    CONSTRAINT instructions_outcome CHECK ((state = 'refused') = (outcome <> '')),
    CONSTRAINT instructions_settled_by_two CHECK (kind <> 'settle' OR author_role <> 'support' OR state = 'waiting_for_approval' OR decided_by <> '')
);
CREATE INDEX instructions_open ON instructions (created_at, id) WHERE state = 'open';
CREATE INDEX instructions_waiting ON instructions (created_at, id) WHERE state = 'waiting_for_approval';
CREATE INDEX instructions_of_author ON instructions (author, created_at); -- for the limits of a day

-- An instruction is decided once and executed once. The panel's programs store instructions
-- and decisions of signed-in operators only, with their roles. Only an editor decides.
-- +goose StatementBegin
CREATE FUNCTION instructions_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor text := CASE TG_OP WHEN 'INSERT' THEN NEW.author ELSE NEW.decided_by END;
    role  text;
BEGIN
    IF TG_OP = 'INSERT' AND NEW.state NOT IN ('waiting_for_approval', 'open')
        OR TG_OP = 'UPDATE' AND NOT (OLD.state = 'waiting_for_approval' AND NEW.state IN ('open', 'rejected') AND NEW.decided_by <> ''
            OR OLD.state = 'open' AND NEW.state IN ('done', 'refused') AND NEW.decided_by = OLD.decided_by) THEN
        RAISE check_violation USING MESSAGE = format('instruction %s cannot become %s', NEW.id, NEW.state), CONSTRAINT = 'instructions_once';
    END IF;
    IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
        OR TG_OP = 'UPDATE' AND OLD.state = 'open' AND pg_has_role('billing_api', 'USAGE') THEN
        RETURN NEW;
    END IF;
    EXECUTE format('SELECT u.role FROM %1$I.panel_sessions s JOIN %1$I.panel_users u ON u.id = s.user_id
        WHERE u.name = $1 AND u.disabled_at IS NULL LIMIT 1', TG_TABLE_SCHEMA) INTO role USING actor;
    IF role IS NULL OR TG_OP = 'INSERT' AND (role <> NEW.author_role OR NEW.decided_by <> '')
        OR TG_OP = 'UPDATE' AND (role <> 'editor' OR OLD.state <> 'waiting_for_approval') THEN
        RAISE insufficient_privilege USING MESSAGE = format('%s is not signed in with a role for this, so instruction %s cannot become %s', actor, NEW.id, NEW.state);
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER instructions_guard BEFORE INSERT OR UPDATE ON instructions FOR EACH ROW EXECUTE FUNCTION instructions_guard();

GRANT SELECT, INSERT, UPDATE (state, decided_by, decided_at) ON instructions TO billing_panel;
GRANT SELECT, UPDATE (state, fault_code, outcome, done_at) ON instructions TO billing_api;

-- +goose Down
DROP TABLE instructions;
DROP FUNCTION instructions_guard();
