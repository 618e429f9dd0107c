-- name: RunUpsert :exec
INSERT INTO renewal_runs (id, started_at, finished_at, settled, due, renewed, declined, held, unknown, ended, failed, waiting, error, gave_up)
VALUES (@id, @started_at, @finished_at, @settled, @due, @renewed, @declined, @held, @unknown, @ended, @failed, @waiting, @error, @gave_up)
ON CONFLICT (id) DO UPDATE
SET finished_at = excluded.finished_at, settled = excluded.settled, due = excluded.due, renewed = excluded.renewed,
    declined = excluded.declined, held = excluded.held, unknown = excluded.unknown, ended = excluded.ended, failed = excluded.failed,
    waiting = excluded.waiting, error = excluded.error, gave_up = excluded.gave_up;
