-- A viewer has at most one live subscription to the plans of a group. The index repeats
-- the rule for requests that run at the same time. The previous version writes rows
-- without a group, which the index ignores; the service compares the plans' groups, so
-- they count as well.
--
-- The migration may be repeated after an interruption or an error.

-- +goose NO TRANSACTION
-- +goose Up

-- An index that finds duplicates would remain invalid, so they are looked for first.
-- +goose StatementBegin
DO $$
DECLARE
    viewers bigint;
    first   text;
BEGIN
    SELECT max(n), string_agg(line, '; ' ORDER BY n) FILTER (WHERE n <= 5) INTO viewers, first
    FROM (SELECT row_number() OVER (ORDER BY s.user_id, p.plan_group) AS n,
                 format('viewer %s in group %s: %s', s.user_id, p.plan_group,
                        string_agg(format('%s to plan %s', s.id, p.code), ', ' ORDER BY s.id)) AS line
          FROM subscriptions s JOIN plans p ON p.id = s.plan_id
          WHERE s.ended_at IS NULL
          GROUP BY s.user_id, p.plan_group HAVING count(*) > 1) AS found;
    IF viewers > 0 THEN
        RAISE EXCEPTION USING MESSAGE = format(
            'a viewer can have one live subscription to the plans of a group, but %s times a viewer has several. The first: %s. '
            'Nothing was changed by this migration, and the service works without it. '
            'Put plans that a viewer may have together into groups of their own with billingctl plan set-group, '
            'end all but one subscription of the others, and run billing-renew, which ends those that are cancelled and over. '
            'Then run billingctl migrate up again', viewers, first);
    END IF;
END
$$;
-- +goose StatementEnd

-- Small transactions, which lock the rows for milliseconds, in the order of their ids
-- like all others. A row that is added behind the cursor has a group, or is one of the
-- previous version.
-- +goose StatementBegin
DO $$
DECLARE
    last_user uuid := '00000000-0000-0000-0000-000000000000';
    last_plan uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    LOOP
        WITH batch AS MATERIALIZED (
            SELECT user_id, plan_id, id FROM subscriptions
            WHERE ended_at IS NULL AND (user_id, plan_id) > (last_user, last_plan)
            ORDER BY user_id, plan_id
            LIMIT 1000
        ), locked AS MATERIALIZED (
            SELECT s.user_id, s.id, p.plan_group
            FROM batch b
            JOIN subscriptions s ON s.user_id = b.user_id AND s.id = b.id AND s.ended_at IS NULL AND s.plan_group IS NULL
            JOIN plans p ON p.id = s.plan_id
            ORDER BY s.id
            FOR NO KEY UPDATE OF s
        ), filled AS (
            UPDATE subscriptions s SET plan_group = l.plan_group
            FROM locked l WHERE s.user_id = l.user_id AND s.id = l.id
        )
        SELECT user_id, plan_id INTO last_user, last_plan FROM batch ORDER BY user_id DESC, plan_id DESC LIMIT 1;
        EXIT WHEN last_user IS NULL;
        COMMIT;
    END LOOP;
END
$$;
-- +goose StatementEnd

SET lock_timeout = 0;
-- survives: an interrupted attempt of this migration may have left it
DROP INDEX CONCURRENTLY IF EXISTS subscriptions_one_per_group;
CREATE UNIQUE INDEX CONCURRENTLY subscriptions_one_per_group ON subscriptions (user_id, plan_group) WHERE ended_at IS NULL;
RESET lock_timeout;

-- +goose Down
DROP INDEX IF EXISTS subscriptions_one_per_group;
