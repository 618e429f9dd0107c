-- A role for each program, with only the rights that its queries need. Only the
-- owner can change the amount, the period and the viewer of a payment, or anything
-- in the history. The panel has its role already. If a later migration adds a
-- column that a program changes, that migration must grant the right.

-- +goose Up

-- Roles belong to the whole cluster, and other databases of it may be migrating
-- at this moment. A login that may not create roles needs them created beforehand.
-- Logins of earlier versions are members of billing_app, so it is made a member of
-- both new roles.
-- +goose StatementBegin
DO $$
DECLARE
    made   text;
    member text;
BEGIN
    FOREACH made IN ARRAY ARRAY['billing_api', 'billing_renew'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = made) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', made);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
        FOREACH member IN ARRAY ARRAY[current_user, 'billing_app'] LOOP
            BEGIN
                EXECUTE format('GRANT %I TO %I', made, member);
            EXCEPTION
                WHEN unique_violation THEN
                    NULL;
                WHEN insufficient_privilege THEN
                    IF NOT pg_has_role(member, made, 'MEMBER') THEN
                        RAISE;
                    END IF;
            END;
        END LOOP;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- In databases of Postgres 14 and earlier, all roles may create tables.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

GRANT SELECT ON schema_migrations, test_clock, payment_systems, plans, renewal_runs TO billing_api, billing_renew;
GRANT SELECT, INSERT ON payments TO billing_api, billing_renew;
GRANT UPDATE (status, decline_code, provider_ref, action_url, contradiction, settled_at, sweep_at, send_until)
    ON payments TO billing_api, billing_renew;
GRANT SELECT, UPDATE (payment_method_id, status, period_start, period_end, next_charge_at, charging, cancel_at_period_end,
    past_due_since, grace_until, latest_payment_id, started_at, ended_at)
    ON subscriptions TO billing_api, billing_renew;
GRANT SELECT, UPDATE (token, token_ct, token_key_id, token_fingerprint) ON payment_methods TO billing_api, billing_renew;
GRANT INSERT ON events, panel_deltas TO billing_api, billing_renew;

GRANT SELECT, INSERT, UPDATE (last_seen_at) ON users TO billing_api;
GRANT UPDATE (created_at) ON plans TO billing_api; -- to lock a plan; no decision depends on this column
GRANT INSERT ON subscriptions TO billing_api;
GRANT INSERT, UPDATE (removed_at, removed_with) ON payment_methods TO billing_api;
GRANT SELECT, INSERT, UPDATE (exp_month, exp_year, holder, number_ct, key_id, fingerprint, removed_at) ON cards TO billing_api;
GRANT SELECT ON events TO billing_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_answers TO billing_api;

-- To count the appended events for the panel.
GRANT SELECT (user_id, subscription_id, type, at, plan_code, amount, currency, decline_code) ON events TO billing_renew;
GRANT INSERT, UPDATE ON renewal_runs TO billing_renew;

-- +goose Down

-- The roles stay because other databases of the cluster may use them.
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM billing_api, billing_renew;
