-- name: FoldLock :one
SELECT pg_try_advisory_xact_lock(7242620028);

-- name: FoldFigures :execrows
WITH taken AS (
    DELETE FROM panel_deltas d WHERE d.ctid IN (
        SELECT x.ctid FROM panel_deltas x LIMIT @take::int FOR UPDATE SKIP LOCKED)
    RETURNING d.*),
hours AS (
    INSERT INTO panel_figures AS f (hour, plan_id, type, decline_code, currency, n, amount)
    SELECT hour, plan_id, type, decline_code, currency, sum(n), sum(amount) FROM taken GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (hour, plan_id, type, decline_code, currency)
    DO UPDATE SET n = f.n + excluded.n, amount = f.amount + excluded.amount)
INSERT INTO panel_totals AS t (plan_id, type, n)
SELECT plan_id, type, sum(n) FROM taken GROUP BY 1, 2
ON CONFLICT (plan_id, type) DO UPDATE SET n = t.n + excluded.n;
